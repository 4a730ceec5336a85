import { afterAll, expect, test } from "@jest/globals";
import { transact } from "../../src/database/transact.ts";
import { cosignedCheckpoint } from "../../src/ledger/cosigned.ts";
import { openLedger } from "../../src/ledger/open.ts";
import { submit } from "../../src/ledger/submit.ts";
import { encodeAddCheckpoint } from "../../src/merkle/add-checkpoint.ts";
import { encodeVerificationKey, parseNote } from "../../src/merkle/note.ts";
import { parsePolicy, signedWitnesses } from "../../src/merkle/policy.ts";
import { openMemory } from "../support/database.ts";
import { buildReference } from "../support/litewitness/reference.ts";
import { SignedLog } from "../support/signed-log.ts";
import { TestSigner } from "../support/test-signer.ts";
import { startWitness } from "../support/witness.ts";

const reference = buildReference();
if ("absent" in reference) console.warn(`litewitness is not tried: ${reference.absent}`);
const referenceTest = "absent" in reference ? test.skip : test;
const started = "absent" in reference ? null : reference;

afterAll(async () => {
  await started?.remove();
});

function policyOf(text: string) {
  const parsed = parsePolicy(Buffer.from(text));
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed.policy;
}

referenceTest(
  "the reference witness cosigns a vault's ledger as it grows, and answers bad requests as ours does",
  async () => {
    if (started === null) return;
    const [database, signer] = [await openMemory(), new TestSigner()];
    const vkey = encodeVerificationKey(signer.name, signer.publicKey);
    const lite = await started.start({ origin: signer.name, vkey });
    const policy = policyOf(`log ${vkey}\n${lite.line("lite")}quorum lite\n`);
    const failures: unknown[] = [];
    const ledger = await openLedger({
      database,
      store: null,
      signer,
      node: "one",
      policy,
      now: () => new Date(),
      onFailure: (error) => failures.push(error),
    });
    try {
      for (let at = 0; at < 4; at += 1) {
        let last = 0n;
        for (let entry = 0; entry <= at * 3; entry += 1)
          last = await transact(database.db, (tx) =>
            submit(tx, { kind: "vault.initialized", time: new Date(), body: { vault: `${at}` } }),
          );
        ledger.wake();
        await ledger.settle(last, { after: "witnessed", timeoutMs: 20_000 });
      }
      const served = parseNote((await cosignedCheckpoint(database.db))?.note ?? "");
      expect(served === null ? null : signedWitnesses(policy, served)).toEqual(new Set(["lite"]));
      expect(failures).toEqual([]);
    } finally {
      await ledger.stop();
      await database.close();
    }

    const log = new SignedLog({ signer: { signer, key: keyOf(vkey, signer) } });
    await using ours = await startWitness({ logs: [log.key] });
    const held = Number((await asked(lite.url, await log.growth(0, 40))).body);
    expect(held).toBeGreaterThan(0);
    await asked(ours.url, await log.growth(0, held));
    const proof = [Buffer.alloc(32)];
    for (const body of [
      await log.growth(0, held),
      await log.growth(1, held + 5),
      await log.growth(held + 1, held + 2),
      encodeAddCheckpoint({ oldSize: held, proof, checkpoint: await log.checkpoint(held + 7) }),
      "old 0",
      "new 0\n\n",
      (await log.growth(held, held + 1)).replace(/.{12}\n$/, "AAAAAAAAAAA=\n"),
      (await log.growth(1, 2)).replace("old 1", "old 3"),
    ])
      expect(await asked(ours.url, body)).toEqual(await asked(lite.url, body));
  },
  120_000,
);

/** The status, and the size and type of a 409; what else is said is for people. */
async function asked(url: string, body: string) {
  const answer = await fetch(`${url}/add-checkpoint`, { method: "POST", body });
  const text = await answer.text();
  const isConflict = answer.status === 409;
  return {
    status: answer.status,
    body: isConflict ? text : "",
    type: isConflict ? answer.headers.get("content-type") : "",
  };
}

function keyOf(vkey: string, { name, publicKey }: TestSigner) {
  return { name, publicKey, keyId: vkey.split("+")[1] ?? "" };
}
