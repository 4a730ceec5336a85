import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { temporaryFolder, weightvaultHere } from "./command.ts";

const small = fileURLToPath(new URL("../vectors/ledger/small", import.meta.url));
const smallKey = join(small, "vkey");

test("`--checkpoints` takes a monitor's state folder as well as the checkpoints in it, and a ledger in its place is a wrong use and no finding", async () => {
  await using folder = await temporaryFolder();
  const verify = async (checkpoints: string) =>
    await weightvaultHere(
      ["ledger", "verify", small, "--ledger-key", smallKey].concat("--checkpoints", checkpoints),
    );
  const kept = join(folder.path, "checkpoints");
  await mkdir(kept);
  await writeFile(join(folder.path, "state.json"), "{}\n");
  await copyFile(join(small, "checkpoint"), join(kept, "300"));
  expect(await verify(folder.path)).toMatchObject({ code: 0 });
  await writeFile(join(kept, "301"), "no checkpoint\n");
  expect(await verify(folder.path)).toMatchObject({ code: 6 });
  const wrong = await verify(small);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain(`--older-checkpoint ${join(small, "checkpoint")}`);
});
