import { holdDataFolder } from "../../src/database/data-folder.ts";

/** A process that holds the data folder named by its argument until it is killed: prints `held`, or the name of the error. */
try {
  await holdDataFolder(process.argv[2] ?? "");
  console.log("held");
  setInterval(() => {}, 60_000);
} catch (error) {
  console.log(Error.isError(error) ? error.name : String(error));
}
