import { type Recipient, recipientOf } from "../condition.ts";
import type { CheckedException } from "../decision.ts";
import type { Acknowledgement, Facts } from "../facts.ts";
import type { Case, Need } from "../finding.ts";
import type { ExceptionCondition, LicenseException } from "../rulebook/rule.ts";
import { dateAt } from "../time.ts";
import type { Wanted } from "./authorization.ts";
import type { Supposed } from "./change.ts";
import { withEntity, withPerson } from "./subject.ts";

type Paper = Extract<ExceptionCondition, { kind: "acknowledged" }>;

/**
 * The license exceptions that would meet every one of these needs by themselves, if the papers that they lack were on record: told with each of these. An exception that
 * lacks anything else is not among them, since what is on record is never supposed to be otherwise, and what is not known is asked apart.
 */
export function exceptionsFor(given: Case, { needs, readings }: Wanted): readonly Supposed[] {
  if (needs.length === 0) return [];
  return given.rulebook.exceptions.flatMap((row) => {
    const lacking = needs.flatMap((need) => {
      const open = readings.get(need)?.open.find(({ exception }) => exception === row.id);
      const papers = open === undefined ? null : papersLacking(row, open);
      return papers === null ? [] : [{ need, papers }];
    });
    return lacking.length === needs.length ? [completed(given, row, lacking)] : [];
  });
}

/** The papers that an exception lacks; null where it lacks something else. */
function papersLacking(
  row: LicenseException,
  { conditions }: CheckedException,
): readonly Paper[] | null {
  const papers: Paper[] = [];
  for (const { condition, state } of conditions) {
    if (state === "met") continue;
    const asked = row.conditions.find(({ words }) => words === condition);
    if (asked?.kind !== "acknowledged") return null;
    papers.push(asked);
  }
  return papers;
}

type Lacking = { readonly need: Need; readonly papers: readonly Paper[] };

function completed(
  given: Case,
  { symbol, citation }: LicenseException,
  lacking: readonly Lacking[],
): Supposed {
  const wanted = new Map(
    lacking.flatMap(({ need, papers }) => {
      const recipient = recipientOf(given, need);
      return papers.map(
        (paper) => [`${paper.words} (${nameOf(recipient)})`, { recipient, paper }] as const,
      );
    }),
  );
  return {
    change: "record-license-exception-papers",
    kind: "authorization",
    sentence: `License Exception ${symbol} (${citation}), which lacks on record, and covers it by itself once this is there and true: ${[...wanted.keys()].join("; ")}.`,
    apply: (facts) =>
      [...wanted.values()].reduce(
        (after, { recipient, paper }) => withPaper(after, recipient, paper),
        facts,
      ),
  };
}

function nameOf(recipient: Recipient): string {
  return recipient.kind === "person"
    ? `person ${recipient.person.id}`
    : `entity ${recipient.entity.id}`;
}

/** The facts with a paper of today, which names the item where it has to. */
function withPaper(facts: Facts, { kind }: Recipient, { what, byItem }: Paper): Facts {
  const { subject, item, at } = facts;
  const paper: Acknowledgement = {
    kind: what,
    signedOn: dateAt(at) ?? "",
    expiresOn: null,
    eccns: byItem ? [item.classification?.eccn ?? ""] : null,
    name: null,
  };
  if (kind === "entity")
    return subject.kind === "person"
      ? facts
      : withEntity({
          acknowledgements: [...(subject.workload.entity.acknowledgements ?? []), paper],
        })(facts);
  const person = subject.kind === "person" ? subject.person : subject.workload.accountable;
  return withPerson({ acknowledgements: [...(person.acknowledgements ?? []), paper] })(facts);
}
