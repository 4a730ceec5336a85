import { z } from "zod";
import { isRefusal, type RefusalCode } from "../errors.ts";
import { publicRoute, type Services } from "./route.ts";
import { json } from "./schema.ts";

const checkLimitMs = 5_000;
const rememberedMs = 1_000;

/** What it means that a check does not answer in time. */
const silent: Readonly<Record<string, RefusalCode>> = {
  database: "database_unavailable",
  store: "store_unavailable",
  custodian: "custodian_unavailable",
  signer: "signer_unavailable",
  sequencer: "ledger_unavailable",
  witnesses: "witnesses_unavailable",
  screening: "screening_unavailable",
};

const readiness = {
  status: z.enum(["ready", "not-ready"]),
  checks: z.record(z.string(), z.string()),
};

export const healthRoutes = [
  publicRoute({
    method: "get",
    path: "/livez",
    summary: "Whether the process serves",
    answers: { 200: json("It does.", { status: z.literal("alive") }) },
    handle: async () => ({ status: 200, json: { status: "alive" } }),
  }),
  publicRoute({
    method: "get",
    path: "/readyz",
    summary: "Whether a release could be decided, recorded and delivered now",
    answers: {
      200: json("Every check says `ok`.", readiness),
      503: json("A check says its code, or the server is shutting down.", readiness),
    },
    handle: async ({ services }) => {
      const checks = await runChecks(services);
      const isReady = Object.values(checks).every((outcome) => outcome === "ok");
      return isReady
        ? { status: 200, json: { status: "ready", checks } }
        : { status: 503, json: { status: "not-ready", checks }, headers: { "Retry-After": "5" } };
    },
  }),
];

/** Runs every check at once, none longer than five seconds. */
export async function runChecks({
  checks,
  isDraining,
  explain,
}: Pick<Services, "checks" | "isDraining" | "explain">): Promise<
  Record<string, "ok" | RefusalCode>
> {
  const outcomes = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      const outcome = await Promise.race([
        check().then(
          () => "ok" as const,
          (thrown: unknown) => (isRefusal(thrown) ? thrown : explain(thrown)).code,
        ),
        codeAfterLimit(silent[name] ?? "internal"),
      ]);
      return [name, outcome] as const;
    }),
  );
  const draining = isDraining() ? { server: "shutting_down" as const } : {};
  return { ...Object.fromEntries(outcomes), ...draining };
}

/**
 * The same checks, each made once at a time and at the most once a second, however many ask: everybody may, and a check of the store
 * writes to it. Who asks in between gets the latest outcome. One that does not end is begun anew when it is given up.
 */
export function remembered(checks: Services["checks"]): Services["checks"] {
  return Object.fromEntries(Object.entries(checks).map(([name, check]) => [name, once(check)]));
}

function once(check: () => Promise<void>): () => Promise<void> {
  let latest = { outcome: Promise.resolve(), until: Number.NEGATIVE_INFINITY };
  return async () => {
    if (performance.now() >= latest.until) {
      const begun = { outcome: check(), until: performance.now() + checkLimitMs };
      const end = () => {
        begun.until = performance.now() + rememberedMs;
      };
      begun.outcome.then(end, end);
      latest = begun;
    }
    await latest.outcome;
  };
}

async function codeAfterLimit(code: RefusalCode): Promise<RefusalCode> {
  return await new Promise((resolve) => {
    setTimeout(() => resolve(code), checkLimitMs).unref();
  });
}
