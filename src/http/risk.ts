import { z } from "zod";
import { explainRisk, listRisks, type Risk } from "../vault/risk.ts";
import { decision, inFull, withoutReasons } from "./decision.ts";
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

const readersRemedy = "Whoever has the role personal-data-reader can read the reasons here.";

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
    roles: ["export-officer"],
    summary:
      "What a grant would come to now from each site; the reasons for who may read personal facts, which is recorded first",
    params: idParams,
    answers: {
      200: json("One decision a site.", {
        grant: id,
        decisions: z.array(z.strictObject({ site: z.string().nullable(), decision })),
      }),
    },
    handle: async ({ params, caller, services: { vault } }) => {
      const explained = await explainRisk(vault, caller, params.id);
      const decisions = explained.decisions.map((each) => ({
        site: each.facts.destination.site,
        decision: explained.isOpened
          ? inFull(each.decision)
          : withoutReasons(each.decision, readersRemedy),
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
