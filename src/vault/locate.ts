import type { Secret } from "../crypto/secret.ts";
import { transact } from "../database/transact.ts";
import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import type { ReleaseRequest } from "./decide.ts";
import { openEvidence } from "./evidence.ts";
import { objectKey } from "./object.ts";
import { lockRelease } from "./outcome.ts";
import { type DeliveredObject, findDelivered } from "./read-sealed.ts";
import { assertStillStands } from "./recheck.ts";
import { shareRulebook } from "./rulebook.ts";
import { secondsAfter, type Vault } from "./vault.ts";

/** Where the ciphertext of one object can be read until an instant; a null address is the vault's own route. */
export type SealedPlace = { readonly url: Secret | null; readonly expiresAt: Date };

/**
 * An address of a sealed object in the store, for whom its key was delivered to. Whoever has it reads sealed bytes without the vault, so it is made
 * only when asked for, after all that the release rests on was checked again, for where the release was decided for, and never outlives the
 * release. It is handed out once: no row, no entry and no log line holds it. Throws as `readSealed`.
 */
export async function locateSealed(
  vault: Vault,
  caller: Caller,
  wanted: DeliveredObject & Pick<ReleaseRequest, "destination">,
): Promise<SealedPlace> {
  const { expiresAt } = await findDelivered(vault, caller, wanted);
  const now = vault.now();
  const leftSeconds = Math.floor((expiresAt.getTime() - now.getTime()) / 1_000);
  const address = await vault.store.locate(objectKey(wanted.object), leftSeconds);
  if (address === null) return { url: null, expiresAt };
  await recheck(vault, caller, wanted);
  return { url: address.url, expiresAt: secondsAfter(now, address.seconds) };
}

/** Throws `release_stopped` where anything behind the release was changed since it was decided, or where it was decided for another place. */
async function recheck(
  vault: Vault,
  caller: Caller,
  { release, destination }: Parameters<typeof locateSealed>[2],
): Promise<void> {
  const { facts } = await openEvidence(vault, release);
  const { site, country } = facts.destination;
  if (site !== destination.site || country !== destination.country)
    throw new Refusal("release_stopped", "the release was decided for another destination");
  await transact(vault.database.db, async (tx) => {
    await shareRulebook(tx);
    const row = await lockRelease(tx, release);
    if (row?.state !== "delivered")
      throw new Refusal("release_stopped", "the release was ended meanwhile");
    await assertStillStands(tx, vault, row, { facts, caller });
  });
}
