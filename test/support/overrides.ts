import {
  approveOverride,
  type OverrideProposal,
  proposeOverride,
} from "../../src/vault/override.ts";
import type { Vault } from "../../src/vault/vault.ts";
import type { Cast } from "./actors.ts";

/** The requirement that stands between a visitor from India and 4E091. */
export const worldwide = "4E091-rs-1";

export const setAside: OverrideProposal = {
  requirement: worldwide,
  action: "set-aside",
  reason: "BIS announced that it will not enforce the row.",
  counsel: "Cora Counsel, memo 12",
  validFrom: "2026-11-01",
  validUntil: "2027-10-31",
};

/** An override proposed by the first officer. */
export async function proposed(
  vault: Vault,
  { first }: Pick<Cast, "first">,
  change: Partial<OverrideProposal> = {},
): Promise<string> {
  return (await proposeOverride(vault, first.caller, { ...setAside, ...change })).override;
}

/** The same approved by the second. */
export async function overridden(
  vault: Vault,
  cast: Pick<Cast, "first" | "second">,
  change: Partial<OverrideProposal> = {},
): Promise<string> {
  const override = await proposed(vault, cast, change);
  await approveOverride(vault, cast.second.caller, override);
  return override;
}
