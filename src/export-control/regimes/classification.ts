/** The regimes besides the EAR that a classification and a license may speak of. */
export type Regime = "EU" | "UK" | "JP";

/** A code with the list that gives it its meaning: 3A090 of one list is not 3A090 of another. A null code: on no entry of that list. */
export type ControlCode = {
  readonly jurisdiction: Regime;
  /** A control list of the regime's: `annex-I`. */
  readonly list: string;
  readonly code: string | null;
};

export type RegimeClassification = ControlCode & {
  /** The list's own note that takes the item out although the code names it. Null: none is claimed. */
  readonly decontrol: Decontrol | null;
  /** On what the officers determined that no entry names it, or that the note applies. Null: not stated. */
  readonly determination: string | null;
};

export type Decontrol = (typeof decontrols)[number];

export const decontrols = [
  "public-domain",
  "basic-scientific-research",
  /** Software sold to anybody without restriction, and installed without substantial support. */
  "generally-available",
  /** No more than an authorized item's installation, operation, maintenance or repair takes, or a patent application. */
  "minimum-necessary",
] as const;
