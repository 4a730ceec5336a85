import { readFileSync } from "node:fs";
import { z } from "zod";
import { bootstrapRoutes } from "./bootstrap.ts";
import { checkpointRoutes } from "./checkpoints.ts";
import { classificationRoutes } from "./classifications.ts";
import { custodyRoutes } from "./custody.ts";
import { decisionRoutes } from "./decisions.ts";
import { directUploadRoutes } from "./direct-uploads.ts";
import { entityRoutes } from "./entities.ts";
import { fileRoutes } from "./files.ts";
import { grantRoutes } from "./grants.ts";
import { healthRoutes } from "./health.ts";
import { holdRoutes } from "./holds.ts";
import { ledgerRoutes } from "./ledger.ts";
import { licenseRoutes } from "./licenses.ts";
import { lineageRoutes } from "./lineage.ts";
import { objectRoutes } from "./objects.ts";
import { describeApi } from "./openapi.ts";
import { overrideRoutes } from "./overrides.ts";
import { personRoutes } from "./persons.ts";
import { recordRoutes } from "./records.ts";
import { releaseRoutes } from "./releases.ts";
import { repositoryRoutes } from "./repositories.ts";
import { revisionRoutes } from "./revisions.ts";
import { riskRoutes } from "./risk.ts";
import { publicRoute, type Route } from "./route.ts";
import { shreddingRoutes } from "./shreddings.ts";
import { standingRoutes } from "./standing.ts";
import { timestampRoutes } from "./timestamp.ts";
import { tokenRoutes } from "./tokens.ts";
import { uploadObjectRoutes } from "./upload-objects.ts";
import { uploadRoutes } from "./uploads.ts";
import { workloadRoutes } from "./workloads.ts";

const { version } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
) as { readonly version: string };

const describedRoute = publicRoute({
  method: "get",
  path: "/openapi.json",
  summary: "This description",
  answers: {
    200: {
      description: "An OpenAPI 3.1 document.",
      json: z.record(z.string(), z.unknown()),
    },
  },
  handle: async () => ({ status: 200, json: describeApi(routes, version) }),
});

/** Every address that the vault answers, and who may ask. There is no other way in. */
export const routes: readonly Route[] = [
  ...healthRoutes,
  describedRoute,
  ...bootstrapRoutes,
  ...tokenRoutes,
  ...personRoutes,
  ...entityRoutes,
  ...workloadRoutes,
  ...repositoryRoutes,
  ...classificationRoutes,
  ...licenseRoutes,
  ...grantRoutes,
  ...overrideRoutes,
  ...standingRoutes,
  ...decisionRoutes,
  ...riskRoutes,
  ...holdRoutes,
  ...recordRoutes,
  ...shreddingRoutes,
  ...custodyRoutes,
  ...uploadRoutes,
  ...uploadObjectRoutes,
  ...directUploadRoutes,
  ...revisionRoutes,
  ...lineageRoutes,
  ...fileRoutes,
  ...releaseRoutes,
  ...objectRoutes,
  ...ledgerRoutes,
  ...checkpointRoutes,
  ...timestampRoutes,
];
