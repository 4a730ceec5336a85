import type { Datasheet } from "./form.ts";
import { type Findings, type Outcome, question } from "./proposal.ts";

/**
 * Published technology and software is not subject to the EAR, but only where the sheet states it and says how. A claim without an explanation
 * and no claim at all count as not published.
 */
export function publishedFindings(
  published: Datasheet["published"],
  citation: string,
): Findings & { readonly outcome: Outcome | null } {
  const isDecisive = false;
  if (published === null) {
    const asks = "Is the item published, and where? It is taken not to be.";
    const questions = [question("published", asks, citation, { isDecisive })];
    return { steps: [], questions, outcome: null };
  }
  const { isPublished, how } = published;
  if (!isPublished) return { steps: [], questions: [], outcome: null };
  if (how === null) {
    const asks =
      "Where and how is the item published, without restrictions upon its further dissemination? Until that is said it is taken not to be.";
    const questions = [question("published.how", asks, citation, { isDecisive })];
    return { steps: [], questions, outcome: null };
  }
  const outcome: Outcome = {
    candidates: [],
    steps: [],
    questions: [],
    conclusion: {
      kind: "outside-ear",
      says: `The sheet states that the item is published: ${how} Published technology and software is not subject to the EAR, as long as that is so and was so lawfully. It is no entry of the list, and not EAR99.`,
      citation,
    },
  };
  return { steps: [], questions: [], outcome };
}
