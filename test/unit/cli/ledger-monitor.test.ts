import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { watchOnce } from "../../../src/cli/ledger-monitor.ts";
import { parseVerificationKey } from "../../../src/merkle/note.ts";
import { encodeAll, filesOf, fixedSigner, memorySource } from "../../vectors/ledger/build.ts";
import { beginning } from "../../vectors/ledger/story.ts";

test("a checkpoint of the size that was seen, signed by a key of the same name that nobody named, is an alarm", async () => {
  const [signer, other] = [fixedSigner(7), fixedSigner(8)];
  const key = parseVerificationKey(signer.verificationKey);
  if (key === null) throw new Error("the signer has no key");
  const entries = encodeAll(beginning);
  const folder = await mkdtemp(join(tmpdir(), "weightvault-monitor-"));
  try {
    const watch = async (by: typeof signer, size = entries.length) =>
      await watchOnce({
        source: memorySource(await filesOf(entries.slice(0, size), by)),
        key: { key, text: signer.verificationKey, isPinned: true, rotations: [] },
        folder,
        unreachableLimitMs: 0,
        now: () => new Date("2026-11-23T09:00:00.000Z"),
      });
    expect(await watch(signer)).toMatchObject({ isAlarm: false, code: "first" });
    const alarm = { isAlarm: true, code: "checkpoint_invalid" };
    expect(await watch(other)).toMatchObject(alarm);
    expect(await watch(other, entries.length - 1)).toMatchObject(alarm);
    expect(await watch(signer)).toMatchObject({ isAlarm: false, code: "same" });
  } finally {
    await rm(folder, { recursive: true });
  }
});
