import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import { firstOf } from "../ledger/outbox.ts";
import { responsibleFor } from "./own.ts";
import { secondsAfter, type Tx, type Vault } from "./vault.ts";

/** A proposal is approved within this time or made anew. */
const proposalDays = 30;

export type Proposed = {
  readonly what: "erasure" | "shredding";
  readonly id: string;
  /** Members of the proposal's entry: what it is about. */
  readonly of: Readonly<Record<string, string | null>>;
};

/**
 * What one officer proposed to destroy, another one approves. The proposal stands in the ledger alone. Throws `not_found` where nobody proposed
 * exactly this, and says so where it was proposed of something else; `conflict` for a proposal that is too old, and `two_person_rule` to the proposer.
 */
export async function assertProposed(
  tx: Tx,
  vault: Pick<Vault, "now">,
  caller: Caller,
  { what, id, of }: Proposed,
): Promise<void> {
  const proposed = await firstOf(tx, id);
  if (proposed?.kind !== `${what}.proposed`)
    throw new Refusal("not_found", `nobody proposed this ${what}`);
  const others = Object.entries(of).filter(([name, value]) => proposed.body[name] !== value);
  if (others.length > 0)
    throw new Refusal(
      "not_found",
      `this ${what} was proposed of another ${others.map(([name]) => name).join(" and ")}: approve exactly what was proposed`,
    );
  if (secondsAfter(proposed.time, proposalDays * 86_400) < vault.now())
    throw new Refusal(
      "conflict",
      `the proposal is older than ${proposalDays} days: propose it anew`,
    );
  const by = proposed.body["by"];
  const proposer = typeof by === "string" ? await responsibleFor(tx, by) : null;
  if (proposer === null || proposer === caller.person)
    throw new Refusal(
      "two_person_rule",
      `${what === "erasure" ? "an" : "a"} ${what} is approved by another officer than its proposer`,
    );
}
