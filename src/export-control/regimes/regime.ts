import type { CountryCode } from "../facts.ts";
import type { Principle, Provenance } from "../rulebook/rule.ts";
import type { Decontrol, Regime } from "./classification.ts";

/** One export control regime besides the EAR, as dated data. A regime is such data and one module that reads it. */
export type RegimeRules = Provenance & {
  readonly jurisdiction: Regime;
  readonly name: string;
  /** What the control follows: the place that a transmission leaves, the item wherever it is, or a person wherever they are. */
  readonly nexus: "ship-from" | "item-following" | "person-following";
  /** Whence a transmission is under the regime. */
  readonly territory: readonly CountryCode[];
  /** Between which a transfer is no export. No wider than `territory`. */
  readonly internal: readonly CountryCode[];
  /** By what the regime tells who receives. */
  readonly subjectTests: readonly SubjectTest[];
  /** Its control lists; the first is the one that every item has to be placed on or off. */
  readonly lists: readonly [ControlList, ...ControlList[]];
  readonly decontrols: readonly DecontrolNote[];
  readonly generalAuthorizations: readonly GeneralAuthorization[];
  readonly embargoes: readonly RegimeEmbargo[];
  readonly principles: readonly Principle[];
  /** What counsel has to answer where the regime is recognised and not decided; null where its module decides. */
  readonly question: string | null;
};

export type SubjectTest =
  | "citizenship"
  | "residency"
  | "location"
  | "headquarters"
  | "influence-category";

export type ControlList = Provenance & {
  readonly list: string;
  readonly title: string;
  /** How its codes are formed: `union` as in Annex I; `any` where this version does not look. */
  readonly numbering: "union" | "any";
};

/** A note of the lists that takes an item out although a code names it. */
export type DecontrolNote = Provenance & {
  readonly decontrol: Decontrol;
  readonly kinds: readonly ("software" | "technology")[];
  /** The beginnings of codes that the note does not take out. */
  readonly except: readonly string[];
};

/** A general authorization: whoever meets its terms may rely on it without asking, once they registered and recorded it. */
export type GeneralAuthorization = Provenance & {
  /** The number under which it is recorded. */
  readonly symbol: string;
  readonly kinds: readonly ("software" | "technology")[];
  readonly destinations: readonly CountryCode[];
  /** A list on which the item must be stated not to stand. */
  readonly notOn: string;
  /** The beginnings of codes that it leaves out besides. */
  readonly except: readonly string[];
  /** What must be on record as met: a condition of the recorded authorization by its id. */
  readonly conditions: readonly { readonly id: string; readonly words: string }[];
};

/** A country under an embargo of the regime's. `question`: an officer answers it for the party; `license`: an individual license that names the party. */
export type RegimeEmbargo = Provenance & {
  readonly country: CountryCode;
  readonly demand: "question" | "license";
};
