import type { ClassificationFacts } from "./facts.ts";
import { type Case, type Finding, fail, notApplicable, pass, perCase, unknown } from "./finding.ts";
import { overriding } from "./override.ts";
import type { Entry, Requirement } from "./rulebook/rule.ts";
import { indexOf } from "./rulebook-index.ts";
import { calendarDate, dateAt } from "./time.ts";

/** Whether the item was classified by one officer and approved by another. */
export function checkClassification({ facts }: Case): Finding {
  const citation = "15 CFR 738.4(a)(1); the operator's own rule: two persons";
  const classification = facts.item.classification;
  if (classification === null) {
    return unknown("classification", {
      citation,
      reason: "The repository has no classification, so nobody can tell what it needs.",
      remedy: "One officer proposes a classification and another approves it.",
    });
  }
  const { state, proposedBy, approvedBy } = classification;
  if (state === "rejected" || state === "superseded") {
    return fail("classification", {
      citation,
      reason: `The classification is ${state}.`,
      remedy: "One officer proposes a new classification and another approves it.",
    });
  }
  if (state !== "approved" || approvedBy === null) {
    return unknown("classification", {
      citation,
      reason: "The classification is proposed and nobody has approved it.",
      remedy: "A second officer approves the classification.",
    });
  }
  if (approvedBy === proposedBy) {
    return fail("classification", {
      citation,
      reason: "The same officer proposed and approved the classification.",
      remedy: "Another officer approves a classification proposed anew.",
    });
  }
  return pass("classification", {
    citation,
    reason: "The classification was proposed by one officer and approved by another.",
  });
}

/** Whether the item is subject to the Export Administration Regulations, the one regime that is decided here. */
export function checkJurisdiction(given: Case): Finding {
  const { facts } = given;
  const citation = "15 CFR 734.3(a), (b)(1)";
  const jurisdiction = facts.item.classification?.jurisdiction;
  if (isPublished(given)) {
    return pass("jurisdiction", {
      citation: isEncryptionSource(given)
        ? "15 CFR 734.3(b)(3), 734.7(b), 742.15(b)"
        : "15 CFR 734.3(b)(3), 734.7",
      rows: [
        "principle-published",
        ...(isEncryptionSource(given) ? ["principle-published-encryption"] : []),
      ],
      reason:
        "The approved classification states how and since when the item is published, so it is outside the EAR. Sanctions, parties and end use are checked all the same.",
    });
  }
  if (jurisdiction === "EAR") {
    return pass("jurisdiction", {
      citation,
      reason: "The item is classified as subject to the EAR.",
    });
  }
  return unknown("jurisdiction", {
    citation,
    reason:
      jurisdiction === undefined
        ? "The jurisdiction of an item without a classification is not known."
        : `The item is under jurisdiction ${jurisdiction}, which this version does not decide.`,
    remedy: "Counsel decides it outside the vault, or officers classify the item under the EAR.",
  });
}

/** Whether the rulebook knows the entry, and whether a file can be what it names. */
export function checkEccn(given: Case): Finding {
  const citation = "15 CFR 738.2; Part 774 Supp. No. 1";
  const classification = given.facts.item.classification;
  if (classification === null) {
    return unknown("eccn", {
      citation,
      reason: "An item without a classification has no ECCN.",
      remedy: "One officer proposes a classification and another approves it.",
    });
  }
  if (isPublished(given)) {
    return notApplicable("eccn", {
      citation: "15 CFR 734.3(b)(3), 734.7",
      rows: ["principle-published"],
      reason: "A published item is outside the EAR and its list.",
    });
  }
  if (isUnsettledWeights(given, classification)) {
    return unknown("eccn", {
      citation: "15 CFR 734.3(c); Part 774 Supp. No. 1, 4E091",
      rows: ["principle-weights-below-threshold"],
      reason: `No text names the parameters of models below 10^26 operations: whether ${classification.eccn} is right for them is open, and the exporter's own classification states no basis of determination.`,
      remedy:
        "Two officers classify the item anew and state on what it was determined that no higher control applies, or on a CCATS or counsel's advice.",
    });
  }
  if (classification.eccn === "EAR99") {
    return pass("eccn", {
      citation: "15 CFR 734.3(c)",
      reason:
        "The item is EAR99: no reason for control applies; Parts 744 and 746 and the lists of parties do.",
    });
  }
  const entry = entryOf(given);
  if (entry === null) {
    return unknown("eccn", {
      citation,
      reason: `The rulebook has no entry ${classification.eccn}, so its reasons for control are not known.`,
      remedy: "Correct the ECCN, or have counsel decide this item outside the vault.",
    });
  }
  if (entry.kind === "commodity") {
    return unknown("eccn", {
      citation,
      reason: `Entry ${entry.eccn} names a commodity, and a file in a repository is software or technology.`,
      remedy: "Classify the files under the entry for software (D) or technology (E).",
    });
  }
  return pass("eccn", {
    citation,
    reason: `Entry ${entry.eccn} of the Commerce Control List names ${entry.kind}, and its reasons for control are known${withParagraph(classification)}.`,
  });
}

/**
 * Whether an approved classification states a publication whose day has come (734.3(b)(3), 734.7). Only items under the EAR are asked. Encryption
 * software of 5D002 stays subject to it until 742.15(b) is met (734.7(b)), and a commodity is never published.
 */
export function isPublished(given: Case): boolean {
  const classification = approvedClassification(given);
  const published = classification?.published ?? null;
  if (classification?.jurisdiction !== "EAR" || published === null) return false;
  if (classification.eccn === "5D002" && !isEncryptionSource(given)) return false;
  if (entryOf(given)?.kind === "commodity") return false;
  const today = dateAt(given.facts.at);
  return today !== null && calendarDate(published.on) !== null && published.on <= today;
}

/**
 * 742.15(b): source code for encryption, of which the classification states that the notification was sent or is not owed. Object code is left out, and a rulebook
 * without the row knows of none.
 */
function isEncryptionSource(given: Case): boolean {
  const { eccn, form, statements } = approvedClassification(given) ?? {};
  return (
    eccn === "5D002" &&
    form === "source-code" &&
    statements?.includes("encryption-source-notified") === true &&
    given.rulebook.principles.some(({ id }) => id === "principle-published-encryption")
  );
}

/** Whether an approved classification states that software is object code. Of technology it says nothing. */
export function isObjectCode(given: Case): boolean {
  return (
    approvedClassification(given)?.form === "object-code" && entryOf(given)?.kind === "software"
  );
}

/**
 * Weights are technology, and below 10^26 operations no entry names them. What the exporter classified alone, as EAR99 or under another entry for
 * technology, may be such weights unless it is stated to be code, and needs a stated basis.
 */
export function isUnsettledWeights(given: Case, classification: ClassificationFacts): boolean {
  const { basis, determination, eccn, form } = classification;
  if (basis !== "self" || form === "object-code" || form === "source-code") return false;
  if (determination != null && determination.trim() !== "") return false;
  return eccn === "EAR99" || (eccn !== "4E091" && entryOf(given)?.kind === "technology");
}

/** The classification that two officers stand behind: only such a one can help. Null for any other. */
export function approvedClassification({ facts }: Case): ClassificationFacts | null {
  const { classification } = facts.item;
  if (classification?.state !== "approved") return null;
  const { proposedBy, approvedBy } = classification;
  return approvedBy === null || approvedBy === proposedBy ? null : classification;
}

/** The entry of the item's ECCN; null where the item has none or the rulebook does not know it. */
export function entryOf({ facts, rulebook }: Case): Entry | null {
  const eccn = facts.item.classification?.eccn;
  return eccn === undefined ? null : (indexOf(rulebook).entries.get(eccn) ?? null);
}

/**
 * The requirements of the item's entry that bind on the day of the decision. A paragraph narrows them if it is one that the entry
 * knows; no paragraph, or one that nothing knows, takes them all. An override can bind what would not; `setAside` are those that one took out.
 */
export const requirementsOf = perCase((given: Case): Requirements => {
  const entry = entryOf(given);
  if (entry === null) return { binding: [], setAside: [] };
  const { facts, rulebook } = given;
  const { requirements } = indexOf(rulebook);
  const rows = requirements.get(entry.eccn) ?? [];
  const paragraph = facts.item.classification?.paragraph ?? null;
  const meant = narrowed(rows, entry, paragraph).map((row) => ({
    row,
    isBinding: binds(row, facts.at),
    action: overriding(rulebook, row, facts.at)?.action ?? null,
  }));
  const those = (wanted: (each: (typeof meant)[number]) => boolean) =>
    meant.filter(wanted).map(({ row }) => row);
  return {
    binding: those(
      ({ isBinding, action }) => action === "enforce" || (isBinding && action === null),
    ),
    setAside: those(({ isBinding, action }) => isBinding && action === "set-aside"),
  };
});

type Requirements = {
  readonly binding: readonly Requirement[];
  readonly setAside: readonly Requirement[];
};

/** A row in force, or printed though not enforced, binds. A stayed one binds outside its stay; a superseded one until it was. */
export function binds({ status }: Pick<Requirement, "status">, at: string): boolean {
  if (status.kind !== "stayed" && status.kind !== "superseded") return true;
  const today = dateAt(at);
  if (status.kind === "stayed") {
    return today === null || today < status.from || today > status.until;
  }
  return today === null || today < status.since;
}

/** The paragraph that the officers stated, if the item's entry knows it; else null, which stands for any of them. */
export function paragraphOf(given: Case): string | null {
  const entry = entryOf(given);
  if (entry === null) return null;
  const rows = indexOf(given.rulebook).requirements.get(entry.eccn) ?? [];
  return knownParagraph(rows, entry, given.facts.item.classification?.paragraph ?? null);
}

function knownParagraph(
  rows: readonly Requirement[],
  entry: Entry,
  paragraph: string | null,
): string | null {
  if (paragraph === null || paragraph === "" || paragraph === entry.eccn) return null;
  const known = [...entry.plain, ...rows.flatMap((row) => [...(row.only ?? []), ...row.except])];
  return known.some((each) => overlap(each, paragraph)) ? paragraph : null;
}

/** The requirements of an entry that a stated paragraph meets: all of them where none, or one that nothing knows, is stated. */
export function narrowed(
  rows: readonly Requirement[],
  entry: Entry,
  stated: string | null,
): readonly Requirement[] {
  const paragraph = knownParagraph(rows, entry, stated);
  if (paragraph === null) return rows;
  return rows.filter(
    ({ only, except }) =>
      (only === null || only.some((each) => overlap(each, paragraph))) &&
      !except.some((each) => lies(paragraph, each)),
  );
}

/** Whether two paragraphs are the same or one lies in the other: the coarser of the two may hold the finer. */
export function overlap(one: string, other: string): boolean {
  return lies(one, other) || lies(other, one);
}

/** Whether a paragraph is another or lies in it. */
export function lies(inner: string, outer: string): boolean {
  return inner === outer || inner.startsWith(`${outer}.`);
}

function withParagraph({ paragraph }: ClassificationFacts): string {
  return paragraph === null
    ? "; no paragraph is stated, so all of them are taken together"
    : ` for paragraph ${paragraph}`;
}
