import { z } from "zod";
import { explainRisk, listRisks, type Risk } from "../vault/risk.ts";
import { decision, renderDecision } from "./decision.ts";
import { route } from "./route.ts";
import { givenInstant, id, idParams, json, repositoryText } from "./schema.ts";

const verdict = z.enum(["allow", "deny", "hold"]);
const found = z.strictObject({ check: z.string(), outcome: z.string(), help: z.string() });

const shape = z.strictObject({
  grant: id,
  principal: id,
  person: id,
  workload: id.nullable(),
  repository: repositoryText,
  state: z.enum(["active", "suspended"]),
  risk: z.enum(["flagged", "pending"]),
  since: givenInstant,
  sites: z.array(
    z.strictObject({ site: z.string(), verdict, since: givenInstant, checks: z.array(found) }),
  ),
});

export const riskRoutes = [
  route({
    method: "get",
    path: "/v1/risk",
    roles: ["export-officer", "auditor"],
    summary: "List the grants at risk: what was allowed and is no more, and what never was",
    answers: {
      200: json("The 500 that are longest at risk, and how many there are.", {
        total: z.int(),
        risk: z.array(shape),
      }),
    },
    handle: async ({ services: { vault } }) => {
      const { total, risks } = await listRisks(vault);
      return { status: 200, json: { total, risk: risks.map(outline) } };
    },
  }),
  route({
    method: "get",
    path: "/v1/risk/{id}",
    // Its reasons speak of nationalities, as the persons that officers alone may read.
    roles: ["export-officer"],
    summary:
      "What a grant would come to now from each site, in full; nothing is released or recorded",
    params: idParams,
    answers: {
      200: json("One decision a site.", {
        grant: id,
        decisions: z.array(z.strictObject({ site: z.string().nullable(), decision })),
      }),
    },
    handle: async ({ params, services: { vault } }) => {
      const decided = await explainRisk(vault, params.id);
      const decisions = decided.map((each) => ({
        site: each.facts.destination.site,
        decision: renderDecision(each.decision, { workload: null }),
      }));
      return { status: 200, json: { grant: params.id, decisions } };
    },
  }),
];

function outline({ namespace, name, sites, ...risk }: Risk): z.input<typeof shape> {
  return {
    ...risk,
    since: risk.since.toISOString(),
    repository: `${namespace}/${name}`,
    sites: sites.map(({ checks, since, ...site }) => ({
      ...site,
      since: since.toISOString(),
      checks: [...checks],
    })),
  };
}
