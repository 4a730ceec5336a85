import type { ClassificationFacts, GrantFacts } from "../facts.ts";
import type { Case } from "../finding.ts";
import { checkClassification, checkEccn, isUnsettledWeights } from "../item.ts";
import { checkGrant } from "../standing.ts";
import { instantMs } from "../time.ts";
import type { Supposed, Supposition } from "./change.ts";

const dayMs = 86_400_000;

/** What could be done about the item's classification and the need to know it. */
export function aboutItem(given: Case): readonly Supposition[] {
  return [...aboutClassification(given), ...aboutGrant(given)];
}

function aboutClassification(given: Case): readonly Supposition[] {
  const { repository, classification } = given.facts.item;
  if (classification === null) return classifyAs(given);
  if (isUnsettledWeights(given, classification)) return [[determine(given, classification)]];
  if (checkEccn(given).outcome === "unknown") return classifyAs(given);
  const { outcome } = checkClassification(given);
  if (outcome === "pass") return [];
  const { id, proposedBy } = classification;
  const approved = { state: "approved", approvedBy: `not ${proposedBy}` } as const;
  const apply: Supposed["apply"] = (facts) => ({
    ...facts,
    item: { ...facts.item, classification: { ...classification, ...approved } },
  });
  const approve: Supposed = {
    change: "approve-classification",
    kind: "act",
    sentence: `An officer other than ${proposedBy} approves classification ${id}.`,
    apply,
  };
  const anew: Supposed = {
    change: "classify-anew",
    kind: "act",
    sentence: `One officer proposes a classification of ${repository} anew and another approves it; this was tried with ${classification.eccn}, as it stands.`,
    apply,
  };
  return [[outcome === "unknown" ? approve : anew]];
}

/** The exporter's own classification that states no basis: a question, and the ECCN stays as the officers stated it. */
function determine({ facts: { item } }: Case, classification: ClassificationFacts): Supposed {
  const { eccn } = classification;
  const anew: ClassificationFacts = {
    ...classification,
    state: "approved",
    determination: "as the officers state it",
    proposedBy: "one officer",
    approvedBy: "another officer",
  };
  return {
    change: "state-determination",
    kind: "question",
    sentence: `On what was it determined that no higher control than ${eccn} applies to ${item.repository}? Only where one officer states it in a classification anew, and another approves that, this no longer stands in the way; a CCATS or counsel's advice is such a basis by itself.`,
    apply: (facts) => ({ ...facts, item: { ...facts.item, classification: anew } }),
  };
}

/** An item is not taken to be EAR99 even for the sake of argument: that is never a default. */
function classifyAs(given: Case): readonly Supposition[] {
  const { repository, classification } = given.facts.item;
  const supposed = given.rulebook.entries
    .filter(({ kind }) => kind !== "commodity")
    .map(({ eccn }): Supposed => {
      const stated: ClassificationFacts = {
        id: classification?.id ?? "to be proposed",
        state: "approved",
        jurisdiction: classification?.jurisdiction ?? "EAR",
        eccn,
        paragraph: null,
        basis: classification?.basis ?? "self",
        form: classification?.form ?? null,
        published: classification?.published ?? null,
        statements: classification?.statements ?? null,
        computer: classification?.computer ?? null,
        determination: classification?.determination ?? "as the officers state it",
        ...(classification?.regimes === undefined ? {} : { regimes: classification.regimes }),
        proposedBy: "one officer",
        approvedBy: "another officer",
      };
      return {
        change: "classify",
        kind: "question",
        sentence: `Which entry of the Commerce Control List names the files of ${repository}? One officer proposes it, stating on what it was determined, and another approves it. Under ${eccn}, with which this was tried, it no longer stands in the way; any other answer is decided anew.`,
        apply: (facts) => ({ ...facts, item: { ...facts.item, classification: stated } }),
      };
    });
  const [first, ...rest] = supposed;
  return first === undefined ? [] : [[first, ...rest]];
}

function aboutGrant(given: Case): readonly Supposition[] {
  const { grant, at } = given.facts;
  const now = instantMs(at);
  const isStated = grant !== null && grant.purpose.trim() !== "";
  if (now === null || (checkGrant(given).outcome === "pass" && isStated)) return [];
  const reinstated: Case | null =
    grant?.state === "suspended"
      ? { ...given, facts: { ...given.facts, grant: { ...grant, state: "active" } } }
      : null;
  if (isStated && reinstated !== null && checkGrant(reinstated).outcome === "pass") {
    return [
      [
        {
          change: "reinstate-grant",
          kind: "act",
          sentence: `An officer reinstates grant ${grant.id}, which is suspended.`,
          apply: (facts) => ({ ...facts, grant: reinstated.facts.grant }),
        },
      ],
    ];
  }
  const made: GrantFacts = {
    id: "to be made",
    state: "active",
    purpose: "as the officer states it",
    validFrom: new Date(now).toISOString(),
    validUntil: new Date(now + dayMs).toISOString(),
  };
  return [
    [
      {
        change: "make-grant",
        kind: "act",
        sentence: `An officer makes a grant on ${given.facts.item.repository} for the subject, in force at ${at}, that states the purpose.`,
        apply: (facts) => ({ ...facts, grant: made }),
      },
    ],
  ];
}
