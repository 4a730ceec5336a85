import type { Case } from "../finding.ts";
import { approvedClassification, binds } from "../item.ts";
import type { ControlCode, RegimeClassification } from "./classification.ts";
import { statementsOf } from "./nexus.ts";
import type { ControlList, DecontrolNote, RegimeRules } from "./regime.ts";

/** Where two officers placed an item on a control list. */
export type Placement =
  | {
      readonly kind: "listed";
      readonly item: ControlCode;
      readonly code: string;
      readonly what: Kind;
    }
  /** On no entry, or taken out by a note of the list. */
  | { readonly kind: "free"; readonly item: ControlCode; readonly note: DecontrolNote | null }
  /** Nobody says, or what is said cannot be taken. */
  | { readonly kind: "open"; readonly why: string; readonly question: string };

type Kind = "software" | "technology";

/** Where the item stands on a list of the regime's. Only an approved classification helps, and a claim that it is free needs a stated ground. */
function placementOf(given: Case, rules: RegimeRules, list: ControlList): Placement {
  const { name } = rules;
  const question = `Which entry of ${list.title} of ${name} names the files, if any?`;
  const open = (why: string): Placement => ({ kind: "open", why, question });
  const stated = statementsOf(given, rules).filter((each) => each.list === list.list);
  const [statement, ...others] = stated;
  if (statement === undefined)
    return open(`Nobody says where the item stands on ${list.title} of ${name}.`);
  if (approvedClassification(given) === null)
    return open(
      `Where the item stands on ${list.title} of ${name} is stated, and not by two officers.`,
    );
  if (others.length > 0) return open(`More than one thing is stated of ${list.title} of ${name}.`);
  return placed(given, { rules, list, statement, open });
}

type Stated = {
  readonly rules: RegimeRules;
  readonly list: ControlList;
  readonly statement: RegimeClassification;
  readonly open: (why: string) => Placement;
};

function placed({ facts }: Case, { rules, list, statement, open }: Stated): Placement {
  const { jurisdiction, code, decontrol } = statement;
  const item: ControlCode = { jurisdiction, list: list.list, code };
  const hasGround = (statement.determination ?? "").trim() !== "";
  if (code === null) {
    return hasGround
      ? { kind: "free", item, note: null }
      : open(
          `The item is stated to be on no entry of ${list.title}, and not on what that was determined.`,
        );
  }
  const what = kindOf(code, list);
  if (what === "unheard-of")
    return open(
      `${code} is no code of ${list.title}: another list's codes say nothing about this one.`,
    );
  if (what === "goods")
    return open(
      `Entry ${code} of ${list.title} names goods, and a file is software or technology.`,
    );
  if (decontrol === null) return { kind: "listed", item, code, what };
  const note = rules.decontrols.find(
    (row) =>
      row.decontrol === decontrol &&
      row.kinds.includes(what) &&
      binds(row, facts.at) &&
      !row.except.some((beginning) => code.startsWith(beginning)),
  );
  if (note === undefined)
    return open(`The note ${decontrol} that is claimed does not take ${what} of ${code} out.`);
  return hasGround
    ? { kind: "free", item, note }
    : open(`The note ${decontrol} is claimed, and not on what that was determined.`);
}

/** The Union numbers its entries as Wassenaar does, and up to 5xx; 09x and 9xx are the EAR's own. The letter tells goods (A to C) from software (D) and technology (E). */
function kindOf(code: string, { numbering }: ControlList): Kind | "goods" | "unheard-of" {
  if (numbering === "any") return "technology";
  if (!/^[0-9][A-E](0[0-4]|[1-5][0-9])[0-9]$/.test(code)) return "unheard-of";
  if (code[1] === "D") return "software";
  return code[1] === "E" ? "technology" : "goods";
}

/** The list on or off which every item has to be placed. */
export function mainPlacement(given: Case, rules: RegimeRules): Placement {
  return placementOf(given, rules, rules.lists[0]);
}

/** Where the item stands on a list by its name; open for a list that the regime does not have. */
export function placementOn(given: Case, rules: RegimeRules, name: string): Placement {
  const list = rules.lists.find((each) => each.list === name);
  if (list !== undefined) return placementOf(given, rules, list);
  const question = `Whether the item stands on ${name}?`;
  return { kind: "open", why: `The rulebook has no list ${name}.`, question };
}
