import { expect, test } from "@jest/globals";
import { createClient } from "../../src/cli/client.ts";
import { proveReceipt } from "../../src/cli/obtain.ts";
import { parseVerificationKey } from "../../src/merkle/note.ts";
import { inclusionProof, readTiles } from "../../src/merkle/proof.ts";
import { nothingSigned, signRotation } from "../../src/merkle/rotation.ts";
import { tilePath } from "../../src/merkle/tile.ts";
import { encodeTlogProof } from "../../src/merkle/tlog-proof.ts";
import { encodeAll, filesOf, fixedSigner } from "../vectors/ledger/build.ts";
import { beginning, decided, record } from "../vectors/ledger/story.ts";
import { answer, serveHttp } from "./http-double.ts";

test("a receipt under a key that followed while the command ran is proved; one under a key that nobody named is not", async () => {
  const [first, second, stranger] = [fixedSigner(7), fixedSigner(8), fixedSigner(9)];
  const statement = await signRotation(first, second, nothingSigned);
  const records = [...beginning, record("ledger.key-rotated", { statement })];
  const entries = encodeAll([...records, decided("allowed", "r")]);
  const index = entries.length - 1;
  const receiptBy = async (signer: typeof first) => {
    const files = await filesOf(entries, signer);
    const read = readTiles(
      entries.length,
      async (tile) => files.get(tilePath(tile)) ?? Buffer.alloc(0),
    );
    const hashes = await inclusionProof(index, entries.length, read);
    const checkpoint = files.get("checkpoint")?.toString() ?? "";
    const proof = encodeTlogProof({ index, hashes, checkpoint });
    return { index, entry: entries[index]?.toString("base64") ?? "", proof };
  };
  const key = parseVerificationKey(first.verificationKey);
  if (key === null) throw new Error("the signer has no key");
  await using server = await serveHttp((_, response) =>
    answer(response, 200, {
      verificationKey: second.verificationKey,
      keys: [
        { lastSize: records.length, statement: null },
        { lastSize: null, statement },
      ],
    }),
  );
  const { signal } = new AbortController();
  const client = createClient({ url: new URL(server.url), token: null, timeoutMs: 5_000, signal });
  try {
    const known = { key, rotations: [] };
    const proved = await proveReceipt(client, await receiptBy(second), known);
    expect(proved.entry.index).toBe(index);
    expect(server.asked).toEqual(["GET /v1/ledger/key"]);
    await expect(proveReceipt(client, await receiptBy(stranger), known)).rejects.toMatchObject({
      exit: "integrity",
    });
  } finally {
    client.agent.destroy();
  }
});
