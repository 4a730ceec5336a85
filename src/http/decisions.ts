import { z } from "zod";
import { Refusal } from "../errors.ts";
import { type Simulation, simulate } from "../vault/simulate.ts";
import { licenseTerms } from "./licenses.ts";
import { route, type Services } from "./route.ts";
import {
  country,
  givenInstant,
  id,
  instant,
  json,
  repositoryOf,
  repositoryText,
  sha256,
  text,
} from "./schema.ts";

const destination = z
  .union([z.strictObject({ country }), z.strictObject({ site: text(100) })])
  .describe("A country, or the name of a site of the vault's.");

const reasoned = { check: z.string(), reason: z.string(), remedy: z.string().nullable() };

const exception = z.strictObject({
  exception: z.string(),
  symbol: z.string(),
  citation: z.string(),
  covers: z.boolean(),
  conditions: z.array(
    z.strictObject({ condition: z.string(), state: z.enum(["met", "unmet", "unknown"]) }),
  ),
});

const change = z.strictObject({
  change: z.string(),
  kind: z.enum(["act", "question", "authorization"]),
  sentence: z.string(),
});

export const decisionRoutes = [
  route({
    method: "post",
    path: "/v1/decisions/simulate",
    roles: ["export-officer"],
    summary:
      "What the decision would be for a principal on record; it is recorded, and nothing is released",
    body: z.strictObject({
      principal: id,
      repository: repositoryText,
      destination,
      at: instant.optional().describe("The instant to decide at; now, where it is left out."),
      licenses: z
        .array(z.strictObject(licenseTerms))
        .max(20)
        .default([])
        .describe("Licenses that nobody has, supposed to be active."),
    }),
    answers: {
      200: json("The simulated decision, with its entry in the ledger.", {
        simulation: z.literal(true),
        decision: id,
        entry: z.strictObject({ index: z.int() }),
        principal: id,
        person: id,
        workload: id.nullable(),
        repository: repositoryText,
        verdict: z.enum(["allow", "deny", "hold"]),
        at: givenInstant,
        rulebook: sha256,
        rulebookAsOf: z.string(),
        overrides: z.array(z.string()),
        licenses: z.array(z.string()),
        regimes: z
          .array(
            z.strictObject({
              jurisdiction: z.enum(["EAR", "EU", "UK", "JP"]),
              result: z.enum(["allow", "license", "deny", "unknown"]),
            }),
          )
          .optional()
          .describe("What each regime says by itself; absent where the EAR alone was asked."),
        checks: z.array(
          z.strictObject({
            ...reasoned,
            outcome: z.enum(["pass", "covered", "not-applicable", "unknown", "fail"]),
            citation: z.string(),
            rows: z.array(z.string()),
            licenses: z.array(z.string()),
            exceptions: z.array(exception),
          }),
        ),
        advice: z.strictObject({
          ways: z.array(z.array(change)),
          obstacles: z.array(z.strictObject(reasoned)),
          isCut: z.boolean(),
        }),
      }),
    },
    handle: async ({ body, caller, services }) => {
      const { principal, repository, at, licenses } = body;
      const simulated = await simulate(services.vault, caller, {
        ...repositoryOf(repository),
        principal,
        destination: destinationOf(services, body.destination),
        at: at === undefined ? null : new Date(at),
        licenses,
      });
      return { status: 200, json: rendered(repository, simulated) };
    },
  }),
];

function destinationOf({ destinationNamed }: Services, given: z.output<typeof destination>) {
  if ("country" in given) return { country: given.country, basis: "site", site: null } as const;
  const found = destinationNamed(given.site);
  if (found === null) throw new Refusal("not_found", "there is no site of that name");
  return found;
}

function rendered(repository: string, simulated: Simulation) {
  const { id: decided, recipient, decision, advice, rulebook, entryIndex } = simulated;
  return {
    simulation: true,
    decision: decided,
    entry: { index: entryIndex },
    ...recipient,
    repository,
    ...decision,
    rulebookAsOf: rulebook.asOf,
    overrides: rulebook.overrides.map(
      ({ id: override, action, row }) => `${override} (${action} ${row})`,
    ),
    advice,
  };
}
