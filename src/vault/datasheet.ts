import { createHash } from "node:crypto";
import { type Canonical, canonicalJson } from "../crypto/canonical-json.ts";
import { Refusal } from "../errors.ts";
import { type Attributes, contradictionsOf } from "../export-control/datasheet/contradictions.ts";
import { type Datasheet, datasheetForm } from "../export-control/datasheet/form.ts";
import type { Proposal } from "../export-control/datasheet/proposal.ts";
import { isProposed, propose } from "../export-control/datasheet/propose.ts";
import type { Rulebook } from "../export-control/rulebook.ts";

/** No datasheet: nothing is stated, and no arithmetic is done. */
export type NoDatasheet = Readonly<Record<string, never>>;

/** What an officer states beside a datasheet. */
type Stated = {
  readonly jurisdiction: string;
  readonly eccn: string;
  readonly paragraph: string | null;
  readonly justification: string | null;
  /** What the officer states of the item besides its entry. */
  readonly attributes?: Attributes | null | undefined;
};

/** SHA-256 of the datasheet's canonical bytes (RFC 8785), hex. */
export function datasheetDigest(datasheet: Datasheet): string {
  return createHash("sha256").update(canonicalJson(datasheet)).digest("hex");
}

export function isDatasheet(given: Datasheet | NoDatasheet): given is Datasheet {
  return "form" in given;
}

/**
 * The digest to record of a proposal's datasheet, null where there is none. Throws `digest_mismatch` where the officer looked at another sheet,
 * and `justification_required` where the entry is not one that the sheet leads to, or the attributes are not what it states, and nobody says why.
 */
export function assertStated(
  rulebook: Rulebook,
  datasheet: Datasheet | NoDatasheet,
  stated: Stated & { readonly datasheetSha256: string | null },
): string | null {
  if (!isDatasheet(datasheet)) {
    if (stated.datasheetSha256 === null) return null;
    throw new Refusal("digest_mismatch", "a datasheet's digest came without the datasheet");
  }
  const digest = datasheetDigest(datasheet);
  if (stated.datasheetSha256 !== null && stated.datasheetSha256.toLowerCase() !== digest)
    throw new Refusal(
      "digest_mismatch",
      "the datasheet does not have the digest that came with it",
    );
  const { conclusion, candidates } = propose(datasheet, rulebook);
  const { attributes } = stated;
  const contradictions = attributes == null ? [] : contradictionsOf(datasheet, attributes);
  const isStated = isProposed({ candidates }, stated) && contradictions.length === 0;
  if (stated.justification === null && !isStated) {
    throw new Refusal("justification_required", [conclusion.says, ...contradictions].join(" "), {
      members: {
        conclusion,
        contradictions,
        candidates: candidates.map(({ eccn, paragraph }) => ({ eccn, paragraph })),
      },
    });
  }
  return digest;
}

/**
 * What the datasheet of a stored classification leads to; null where it has none. Throws `record_tampered` where the stored sheet has not the
 * stored digest, or no form.
 */
export function proposalOf(
  rulebook: Rulebook,
  row: {
    readonly id: string;
    readonly datasheet: unknown;
    readonly datasheet_sha256: string | null;
  },
): Proposal | null {
  if (row.datasheet_sha256 === null) return null;
  const parsed = datasheetForm.safeParse(row.datasheet);
  const sheet = row.datasheet as Canonical;
  const digest = createHash("sha256").update(canonicalJson(sheet)).digest("hex");
  if (!parsed.success || digest !== row.datasheet_sha256) {
    throw new Refusal("record_tampered", "the stored datasheet is not the one that was proposed", {
      cause: new Error(`row ${row.id}`),
    });
  }
  return propose(parsed.data, rulebook);
}
