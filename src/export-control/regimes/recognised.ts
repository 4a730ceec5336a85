import { type Case, type Finding, notApplicable, pass, unknown } from "../finding.ts";
import { mainPlacement } from "./item.ts";
import { checkNexus, idsOf } from "./nexus.ts";
import type { RegimeRules } from "./regime.ts";

/** The checks of a regime that is recognised and not decided: what it attaches to holds, with the question that counsel has to answer. */
export const recognisedChecks = {
  nexus: checkNexus,
  item: checkItem,
  transfer: checkTransfer,
  endUse: checkEndUse,
} as const;

function checkItem(given: Case, rules: RegimeRules): Finding {
  const { item: check } = idsOf(rules);
  const [list] = rules.lists;
  const placement = mainPlacement(given, rules);
  const { citation } = list;
  if (placement.kind === "open") {
    return unknown(check, {
      citation,
      rows: [list.id],
      reason: `${placement.why} ${placement.question}`,
      remedy: `One officer states in a classification anew where the files stand on ${list.title} of ${rules.name}, and another approves it.`,
    });
  }
  return pass(check, {
    citation,
    rows: [list.id],
    reason: `Two officers state where the item stands on ${list.title} of ${rules.name}; this version does not look into that list.`,
  });
}

function checkTransfer(_: Case, rules: RegimeRules): Finding {
  const { id, citation, name, question } = rules;
  return unknown(idsOf(rules).transfer, {
    citation,
    rows: [id],
    reason: `This version recognises the regime of ${name} and does not decide it. Open is ${question ?? "what it demands"}.`,
    remedy: "Counsel decides it outside the vault.",
  });
}

function checkEndUse(_: Case, rules: RegimeRules): Finding {
  const { id, citation, name } = rules;
  return notApplicable(idsOf(rules).endUse, {
    citation,
    rows: [id],
    reason: `What ${name} asks of an end use is part of the question that counsel has to answer.`,
  });
}
