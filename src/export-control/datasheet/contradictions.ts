import type { ClassificationFacts, ItemStatement } from "../facts.ts";
import type { Datasheet } from "./form.ts";

/** What officers state of an item besides its entry. */
export type Attributes = Pick<
  ClassificationFacts,
  "form" | "published" | "statements" | "computer" | "determination"
>;

/**
 * What officers state that the datasheet does not bear out, a sentence for each member, none of which names a fact of the item. What the sheet leaves open contradicts
 * nothing but a publication: that has to be in the sheet, since it takes the item out of the EAR.
 */
export function contradictionsOf(sheet: Datasheet, attributes: Attributes): readonly string[] {
  return [
    ...ofForm(sheet, attributes.form),
    ...ofPublication(sheet, attributes.published),
    ...ofComputer(sheet, attributes.computer),
    ...(attributes.statements ?? []).flatMap((each) => ofStatement(sheet, attributes, each)),
  ];
}

/** What the files can be, by what the sheet says that the item is. Empty for a thing, which is no file. */
function formsOf(sheet: Datasheet): readonly NonNullable<Attributes["form"]>[] {
  switch (sheet.item === "encryption" ? sheet.kind : sheet.item) {
    case "software":
      return ["object-code", "source-code"];
    case "technology":
    case "model-weights":
      return ["technology"];
    case "commodity":
    case "hardware":
      return [];
  }
}

function ofForm(sheet: Datasheet, form: Attributes["form"]): readonly string[] {
  if (form === null || formsOf(sheet).includes(form)) return [];
  return [`form: ${form} is not what the datasheet's item comes in.`];
}

function ofPublication({ published }: Datasheet, stated: Attributes["published"]) {
  return stated === null || published?.isPublished === true
    ? []
    : ["published: the datasheet does not state a publication."];
}

/** Computers are asked of software and technology alone, of 4D001 and 4E001. */
function ofComputer(sheet: Datasheet, computer: Attributes["computer"]): readonly string[] {
  if (computer === null) return [];
  if (sheet.item !== "software" && sheet.item !== "technology")
    return ["computer: the datasheet's item is neither software nor technology for computers."];
  const { hardware, purposes } = sheet;
  const wrong: string[] = [];
  if (hardware.kind !== "computer")
    wrong.push("computer: the datasheet's hardware is not a computer.");
  const isOfPurpose = purposes?.some((each) => (each === "use") === (computer.purpose === "use"));
  if (isOfPurpose === false)
    wrong.push("computer: the datasheet's purposes do not hold the stated one.");
  return wrong;
}

function ofStatement(
  sheet: Datasheet,
  { form }: Attributes,
  statement: ItemStatement,
): readonly string[] {
  const why = reasonAgainst(sheet, form, statement);
  return why === null ? [] : [`statements: ${statement}: ${why}`];
}

const [software, technology] = ["software", "technology"] as const;

function reasonAgainst(
  sheet: Datasheet,
  form: Attributes["form"],
  statement: ItemStatement,
): string | null {
  const forms = formsOf(sheet);
  const kind = forms.includes("technology") ? technology : forms.length > 0 ? software : null;
  if (kind === null) return "the datasheet's item is a thing, not a file.";
  const purposes = "purposes" in sheet ? (sheet.purposes ?? []) : [];
  const servesMaking = purposes.some((each) => each !== "use");
  switch (statement) {
    case "minimum-operation":
      return servesMaking ? "the datasheet states development or production." : null;
    case "sales-technology":
    case "copy-of-authorized":
      return kind === technology ? null : "the datasheet's item is no technology.";
    case "bug-fix":
      return kind === software ? null : "the datasheet's item is no software.";
    case "mass-market":
      if (kind !== software) return "the datasheet's item is no software.";
      return sheet.item === "encryption" && sheet.isMassMarket === false
        ? "the datasheet states that it was not classified as mass market."
        : null;
    case "encryption-classified":
      return hasEncryption(sheet) ? null : "the datasheet states no encryption.";
    case "encryption-source-notified":
      if (sheet.item !== "encryption" || kind !== software)
        return "the datasheet's item is no encryption software.";
      return form === "object-code" ? "the stated form is no source code." : null;
  }
}

/** Whether encryption is stated, or not known to be absent. */
function hasEncryption(sheet: Datasheet): boolean {
  if (sheet.item === "encryption") return sheet.functions === null || sheet.functions.length > 0;
  if (sheet.item !== "model-weights") return false;
  return sheet.cryptographicFunctions === null || sheet.cryptographicFunctions.length > 0;
}
