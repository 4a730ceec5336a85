import { type Canonical, canonicalJson } from "../crypto/canonical-json.ts";
import { datasheetForm } from "../export-control/datasheet/form.ts";
import type { Proposal } from "../export-control/datasheet/proposal.ts";
import { propose } from "../export-control/datasheet/propose.ts";
import { rulebook } from "../export-control/rulebook.ts";
import { type Answer, parseAnswer } from "./answers.ts";
import { ask, type Client, route } from "./client.ts";
import { type RepositoryName, repositoryRoute } from "./command.ts";
import { digestOf } from "./datasheet.ts";
import { datasheetMemo } from "./datasheet-memo.ts";
import { Failure } from "./failure.ts";

/** A classification as the server gives it, and its arithmetic as it was done again here; null where it has no datasheet. */
export type ShownClassification = {
  readonly answer: unknown;
  readonly datasheetSha256: string | null;
  readonly memo: string | null;
  /** What the officer states besides, places on other regimes' lists among it, and what it was made from; null where nothing is. */
  readonly stated: string | null;
};

/** How each repository that a classified one was made from is classified, a line each. */
export function baseLines({ bases }: Pick<Answer<"classification">, "bases">): readonly string[] {
  return bases.map(({ repository, classification, isLessStrict }) => {
    const { eccn, paragraph } = classification ?? { eccn: "not classified", paragraph: null };
    const of = paragraph === null ? eccn : `${eccn}, paragraph ${paragraph}`;
    return `made from ${repository}, ${of}${isLessStrict === null ? "" : `; this is less strict: ${isLessStrict}`}`;
  });
}

/**
 * Reads a classification and believes nothing of its datasheet: the digest is computed from the sheet, and the arithmetic with this rulebook.
 * Throws `integrity` where the server's differ.
 */
export async function showClassification(
  client: Client,
  named: RepositoryName,
  id: string,
): Promise<ShownClassification> {
  const path = `${repositoryRoute(named)}${route`/classifications/${id}`}`;
  const answer = await ask(client, "GET", path);
  const classification = parseAnswer("classification", answer);
  const { datasheetSha256, attributes } = classification;
  const besides = [
    ...(attributes === null ? [] : [`stated besides: ${JSON.stringify(attributes)}`]),
    ...baseLines(classification),
  ];
  const stated = besides.length === 0 ? null : besides.join("\n");
  if (datasheetSha256 === null) return { answer, datasheetSha256, memo: null, stated };
  return { answer, datasheetSha256, memo: checked(classification), stated };
}

function isSame(one: unknown, other: Proposal): boolean {
  return canonicalJson(one as Canonical).equals(canonicalJson(other));
}

function checked(given: Answer<"classification">): string {
  const parsed = datasheetForm.safeParse(given.datasheet);
  if (!parsed.success || digestOf(parsed.data) !== given.datasheetSha256)
    throw new Failure("integrity", "the server's datasheet does not have the recorded digest");
  const proposal = propose(parsed.data, rulebook);
  if (given.proposal?.rulebook === rulebook.digest && !isSame(given.proposal, proposal))
    throw new Failure("integrity", "the server's arithmetic is not what its datasheet leads to");
  const { eccn, paragraph, basis, justification } = given;
  const stated = `${eccn}${paragraph === null ? "" : `, paragraph ${paragraph}`}, basis ${basis}`;
  return [
    `proposed: ${stated}`,
    ...(justification === null ? [] : [`justification: ${justification}`]),
    datasheetMemo({
      sheet: parsed.data,
      sha256: given.datasheetSha256 ?? "",
      proposal,
      parameters: null,
    }),
  ].join("\n");
}
