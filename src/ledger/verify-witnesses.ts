import { verifyCosignature } from "../merkle/cosignature.ts";
import { type Note, parseNote } from "../merkle/note.ts";
import { isQuorum, type Policy, shownName } from "../merkle/policy.ts";
import type { Findings } from "./findings.ts";

/** What a checkpoint's cosignatures say under a policy. */
export type WitnessReport = {
  readonly hasQuorum: boolean;
  readonly witnesses: readonly {
    readonly name: string;
    /** When it cosigned, in seconds since 1970; null where it did not. */
    readonly cosignedAt: number | null;
  }[];
};

/**
 * Judges the cosignatures of a checkpoint that the ledger's key signed. Finds `log_not_in_policy` where the policy lists logs and none of them
 * signed it, `cosignature_forged` where a line under a witness's key is not that key's, and `quorum_missing` where the true ones are too few.
 */
export function judgeWitnesses(
  checkpoint: Uint8Array | string,
  policy: Policy,
  findings: Findings,
): WitnessReport {
  const note = parseNote(checkpoint) ?? { text: "", signatures: [] };
  const { logs } = policy;
  if (logs.length > 0 && !logs.some(({ hasSigned }) => hasSigned(note)))
    findings.add("log_not_in_policy", "no log of the policy signed the checkpoint");
  const witnesses = policy.witnesses.map((witness) => timed(note, witness, findings));
  const signed = witnesses.filter(({ cosignedAt }) => cosignedAt !== null);
  const hasQuorum = isQuorum(policy, new Set(signed.map(({ name }) => name)));
  if (!hasQuorum) {
    const names = signed.map(({ name }) => shownName(name)).join(", ");
    const who = names === "" ? "no witness of the policy" : `only ${names}`;
    findings.add("quorum_missing", `${who} cosigned the checkpoint`);
  }
  return {
    hasQuorum,
    witnesses: witnesses.map((each) => ({ ...each, name: shownName(each.name) })),
  };
}

function timed(
  note: Note,
  { name, key }: Policy["witnesses"][number],
  findings: Findings,
): WitnessReport["witnesses"][number] {
  const cosignature = verifyCosignature(note, key);
  if (cosignature.verdict === "verified") return { name, cosignedAt: cosignature.timestamp };
  if (cosignature.verdict === "forged") {
    const message = `a cosignature under the key of ${shownName(name)} is not that key's`;
    findings.add("cosignature_forged", message);
  }
  return { name, cosignedAt: null };
}
