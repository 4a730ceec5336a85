import { randomUUID } from "node:crypto";
import { newSalt } from "../crypto/commitment.ts";
import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import { submit } from "../ledger/submit.ts";
import { recordAs } from "./caller.ts";
import { actedBy, commitmentOf } from "./row.ts";
import type { Vault } from "./vault.ts";

export const movementKinds = ["reexport", "transfer", "diversion"] as const;

export type Movement = {
  readonly release: string;
  readonly what: (typeof movementKinds)[number];
  /** The day on which it happened. */
  readonly on: string;
  /** What is known; it stays out of the ledger. */
  readonly description: string;
};

/**
 * Notes a reexport, transfer or diversion of what a release gave out, which became known: its records are kept for five years from then
 * (15 CFR 762.6(a)(2)). It is never changed. Throws `not_found`, and `invalid_request` for a day that is to come.
 */
export async function noteMovement(
  vault: Pick<Vault, "database" | "ledger" | "now">,
  caller: Caller,
  { release, what, on, description }: Movement,
): Promise<{ readonly movement: string }> {
  const [id, now] = [randomUUID(), vault.now()];
  if (on > now.toISOString().slice(0, 10))
    throw new Refusal("invalid_request", "what is noted has happened already");
  const row = {
    id,
    release,
    what,
    moved_on: on,
    description,
    noted_by: caller.person,
    salt: newSalt(),
  };
  await recordAs(vault, caller, async (tx) => {
    const found = await tx
      .selectFrom("release")
      .select("id")
      .where("id", "=", release)
      .executeTakeFirst();
    if (found === undefined) throw new Refusal("not_found", "there is no such release");
    const submission = await submit(tx, {
      kind: "movement.noted",
      subject: id,
      time: now,
      body: {
        movement: id,
        release,
        what,
        ...actedBy(caller),
        commitment: commitmentOf("movement", row).toString("hex"),
      },
    });
    await tx
      .insertInto("movement")
      .values({ ...row, noted_at: now, submission })
      .execute();
  });
  return { movement: id };
}
