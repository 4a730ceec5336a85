import { expect, test } from "@jest/globals";
import type { Canonical } from "../../src/crypto/canonical-json.ts";
import { commit } from "../../src/crypto/commitment.ts";
import { decide } from "../../src/export-control/decide.ts";
import { rulebook } from "../../src/export-control/rulebook.ts";
import { signCheckpoint } from "../../src/merkle/checkpoint.ts";
import { encodeTlogProof } from "../../src/merkle/tlog-proof.ts";
import { leafHash, rootOf } from "../../src/merkle/tree.ts";
import { bareFacts } from "../support/bare-facts.ts";
import { encodeAll, fixedSigner } from "../vectors/ledger/build.ts";
import { weightvaultHere } from "./command.ts";
import { answer, problem, serveHttp } from "./http-double.ts";

const signer = fixedSigner(7);
const release = "9a0364b9-e99b-4bb5-b6cf-4e8a6b3f4d11";

/** A decision on next to nothing, which is refused; the instant tells one from another. */
function evidenceAt(at: string) {
  const salt = Buffer.alloc(32, 5);
  const facts = bareFacts(at);
  const commitment = commit(salt, facts as unknown as Canonical).toString("hex");
  const decision = decide(facts, rulebook);
  return { release, facts, decision, salt: salt.toString("hex"), commitment };
}

/** The receipt of the evidence's decision, in a ledger of two entries of the signer's. */
async function receiptOf(
  { decision, commitment }: ReturnType<typeof evidenceAt>,
  by = signer,
): Promise<Readonly<Record<string, unknown>>> {
  const { verdict, rulebook: digest } = decision;
  const checks = decision.checks.map(({ check, outcome }) => ({ check, outcome }));
  const body = {
    release,
    evidence: commitment,
    decision: { verdict, rulebook: digest, checks },
    licenses: [...decision.licenses],
  };
  const kind = verdict === "hold" ? "release.held" : "release.denied";
  const entries = encodeAll([
    { kind: "vault.initialized", body: { vault: "v" } },
    { kind, body },
  ]);
  const leaves = entries.map((entry) => leafHash(entry));
  const tree = { origin: signer.name, size: 2, root: rootOf(leaves) };
  const checkpoint = await signCheckpoint(tree, by);
  const proof = encodeTlogProof({ index: 1, hashes: leaves.slice(0, 1), checkpoint });
  return { index: 1, entry: entries[1]?.toString("base64"), proof };
}

/** Asks a server that gives this evidence and receipt, with the signer's key pinned. */
async function show(evidence: unknown, receipt: unknown, { early = 0 } = {}) {
  let asked = 0;
  await using server = await serveHttp((request, response) => {
    const { verificationKey } = signer;
    if (request.url === "/v1/ledger/key") return answer(response, 200, { verificationKey });
    if (request.url === `/v1/releases/${release}/evidence`) answer(response, 200, evidence);
    else if (asked < early) problem(response, 503, "ledger_unavailable");
    else answer(response, 200, receipt);
    if (request.url?.endsWith("/receipt") === true) asked += 1;
  });
  return await weightvaultHere(["release", "evidence", release, "--json"], {
    env: { WEIGHTVAULT_URL: server.url, WEIGHTVAULT_LEDGER_KEY: signer.verificationKey },
  });
}

const honest = evidenceAt("2026-11-23T09:30:00.000Z");
const other = evidenceAt("2026-11-24T09:30:00.000Z");

test("evidence is held to the ledger entry that the pinned key proves", async () => {
  const { code, stdout, stderr } = await show(honest, await receiptOf(honest));
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr:
      "the facts open the commitment in ledger entry 1, whose decision this is, and give the same decision again\n",
  });
  expect(JSON.parse(stdout)).toMatchObject({
    release,
    entry: 1,
    decidedAgain: true,
    ledgerKey: signer.verificationKey,
  });
});

test("the entry of a decision of a moment ago is waited for", async () => {
  expect((await show(honest, await receiptOf(honest), { early: 2 })).code).toBe(0);
});

test("evidence that only agrees with itself ends with 6 and shows nothing", async () => {
  const { code, stdout, stderr } = await show(other, await receiptOf(honest));
  expect({ code, shown: JSON.parse(stdout) }).toMatchObject({
    code: 6,
    shown: { code: "integrity", remedy: null },
  });
  expect(stdout).not.toContain('facts":');
  expect(stderr).toContain("another commitment");
});

test("a receipt that the pinned key did not sign ends with 6", async () => {
  const impostor = fixedSigner(9);
  expect((await show(honest, await receiptOf(honest, impostor))).code).toBe(6);
});
