import { z } from "zod";
import type { Acknowledgement } from "../export-control/facts.ts";
import { date, text } from "./schema.ts";

export const acknowledgementKind = z.enum([
  "technology-control-plan",
  "non-disclosure-agreement",
  "tsr-written-assurance",
  "sta-eccn-furnished",
  "sta-consignee-statement",
  "enc-internal-use",
  "university-employee-notice",
  "us-abode",
  "earlier-export-to-recipient",
  "official-use",
  "visa-in-force",
  "aia-certification",
  "aia-facility",
  "acm-accounts",
  "anti-diversion-procedures",
  "substantive-contact-screening",
  "screening-records",
  "security-clearance",
  "itar-126-18-implementation",
  "itar-agreements-guidelines",
  "quotation-bid-or-offer",
  "supplement-eight-entity",
]) satisfies z.ZodType<Acknowledgement["kind"]>;

/** Papers in hand. Null or absent: not known of any. */
export const acknowledgements = z
  .array(
    z
      .strictObject({
        kind: acknowledgementKind,
        signedOn: date,
        expiresOn: date.nullable().default(null),
        eccns: z.array(text(20)).max(200).nullable().default(null),
        name: text(200).nullable().default(null),
      })
      .refine(({ kind, name }) => (kind === "supplement-eight-entity") === (name !== null), {
        message: "must be the name in Supplement No. 8 for supplement-eight-entity, else absent",
        path: ["name"],
      }),
  )
  .max(200)
  .nullable()
  .default(null);
