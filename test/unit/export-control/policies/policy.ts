import type { CheckId, Outcome, Verdict } from "../../../../src/export-control/decision.ts";
import {
  type Acknowledgement,
  type AcknowledgementKind,
  type ClassificationFacts,
  type Facts,
  type PersonFacts,
} from "../../../../src/export-control/facts.ts";
import { citizen, nationalOf } from "../builders.ts";

/** One named case: what is asked, the text that decides it, and what the decision must say. */
export type Policy = readonly [
  name: string,
  citation: string,
  facts: Facts,
  verdict: Verdict,
  checks?: Partial<Record<CheckId, Outcome>>,
  /** The rows of license exceptions that cover something, in any order; not looked at where absent. */
  exceptions?: readonly string[],
];

/** A paper in force, for the items that the tables ask for. */
export function paper(
  kind: AcknowledgementKind,
  more: Partial<Acknowledgement> = {},
): Acknowledgement {
  return {
    kind,
    signedOn: "2026-01-01",
    expiresOn: null,
    eccns: ["0E521", "3D001", "3E001", "4D001", "4D090", "4E001", "4E091", "5D002", "5E002"],
    name: null,
    ...more,
  };
}

export function papers(...kinds: readonly AcknowledgementKind[]): Partial<PersonFacts> {
  return { acknowledgements: kinds.map((kind) => paper(kind)) };
}

type Work = {
  readonly headquarters?: string;
  readonly parent?: string | null;
  readonly permanentRegular?: boolean;
} & Partial<NonNullable<PersonFacts["engagement"]>>;

/** An employment at a U.S. company of the private sector, or as told. */
export function works({
  headquarters = "US",
  parent = headquarters,
  permanentRegular = true,
  ...engagement
}: Work = {}): Partial<PersonFacts> {
  return {
    employment: {
      entityHeadquarters: headquarters,
      ultimateParentHeadquarters: parent,
      permanentRegular,
    },
    engagement: {
      entityCountry: headquarters,
      employer: "private-sector",
      capacity: "employee",
      ...engagement,
    },
  };
}

/** A national of a country, or a U.S. citizen for `US`, with more known. */
export function someone(country: string, ...more: readonly Partial<PersonFacts>[]): PersonFacts {
  return Object.assign(country === "US" ? { ...citizen } : nationalOf(country), ...more);
}

/** The same facts with more stated by the item's classification. */
export function stating(facts: Facts, more: Partial<ClassificationFacts>): Facts {
  const { classification } = facts.item;
  if (classification === null) return facts;
  return { ...facts, item: { ...facts.item, classification: { ...classification, ...more } } };
}
