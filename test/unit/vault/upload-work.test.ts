import { expect, test } from "@jest/globals";
import { UploadWork } from "../../../src/vault/upload-work.ts";

test("no more than eight files are read back side by side, and a failure makes room for the next in order", async () => {
  const uploads = new UploadWork();
  const begun: number[] = [];
  const ends: PromiseWithResolvers<number>[] = [];
  const reads = Array.from({ length: 10 }, async (_, file) => {
    ends.push(Promise.withResolvers<number>());
    return await uploads.readBack(async () => {
      begun.push(file);
      return await ends[file]?.promise;
    });
  });
  const settled = Promise.allSettled(reads);
  const turn = async () => await new Promise((resolve) => setImmediate(resolve));
  await turn();
  expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  ends[3]?.reject(new Error("on purpose"));
  await turn();
  expect(begun.slice(8)).toEqual([8]);
  ends[0]?.resolve(0);
  await turn();
  expect(begun.slice(8)).toEqual([8, 9]);
  for (const [file, { resolve }] of ends.entries()) resolve(file);
  const outcomes = await settled;
  expect(outcomes.filter(({ status }) => status === "rejected")).toHaveLength(1);
  expect(await uploads.readBack(async () => "more")).toBe("more");
});
