import { z } from "zod";
import { longestBundleBytes } from "../lineage/model-signature.ts";
import { attachSignature, listSignatures, readSignature } from "../vault/model-signature.ts";
import type { AttachedSignature } from "../vault/record-signature.ts";
import { stateRelease, stateRevision } from "../vault/statement.ts";
import { receiveAll } from "./bytes.ts";
import { assertMediaType } from "./json.ts";
import { route } from "./route.ts";
import {
  givenInstant,
  id,
  idParams,
  json,
  repositoryParams,
  revisionName,
  sha256,
} from "./schema.ts";

const address = "/v1/repositories/{namespace}/{name}/revisions/{revision}";
const params = repositoryParams.extend({ revision: revisionName });

const signature = z.strictObject({
  bundle: sha256,
  key: sha256.describe("SHA-256 of the signer's SubjectPublicKeyInfo."),
  trust: z.enum(["key", "certificate"]),
  files: z.strictObject({ covered: z.int(), ignored: z.int() }),
  attachedBy: id,
  attachedAt: givenInstant,
});

/** A DSSE envelope; what is in it docs/lineage.md describes. */
const envelope = json("A DSSE envelope, signed with the ledger's key.", {
  payload: z.base64(),
  payloadType: z.string(),
  signatures: z.array(z.strictObject({ keyid: z.string(), sig: z.base64() })),
});

/** What goes with a revision besides its bytes: model signatures, and statements for others. */
export const lineageRoutes = [
  route({
    method: "post",
    path: `${address}/signatures`,
    roles: ["uploader"],
    summary: "Attach an OpenSSF Model Signing bundle to a revision of one's own",
    params,
    takesBytes: true,
    answers: { 201: { description: "The signature, which verifies.", json: signature } },
    handle: async ({ params: at, caller, services: { vault }, req, res }) => {
      assertMediaType(req, "application/octet-stream");
      const bundle = await receiveAll(req, res, longestBundleBytes);
      return { status: 201, json: outlineOf(await attachSignature(vault, caller, at, bundle)) };
    },
  }),
  route({
    method: "get",
    path: `${address}/signatures`,
    roles: "any",
    summary: "List a revision's model signatures",
    params,
    answers: { 200: json("Oldest first.", { signatures: z.array(signature) }) },
    handle: async ({ params: at, caller, services: { vault } }) => ({
      status: 200,
      json: { signatures: (await listSignatures(vault, caller, at)).map(outlineOf) },
    }),
  }),
  route({
    method: "get",
    path: `${address}/signatures/{bundle}`,
    roles: "any",
    summary: "Read a bundle as it was sent",
    params: params.extend({ bundle: sha256.toLowerCase() }),
    answers: { 200: { description: "The bundle.", content: "application/octet-stream" } },
    handle: async ({ params: at, caller, services: { vault }, res }) => {
      const bytes = await readSignature(vault, caller, at);
      res.setHeader("Content-Type", "application/octet-stream");
      res.setHeader("Content-Length", bytes.length);
      res.status(200).end(bytes);
      return null;
    },
  }),
  route({
    method: "get",
    path: `${address}/statement`,
    roles: ["uploader", "export-officer", "auditor"],
    summary: "An in-toto statement about a revision, with the receipt of its commit",
    params,
    answers: { 200: envelope },
    handle: async ({ params: at, caller, services: { vault } }) => ({
      status: 200,
      json: await stateRevision(vault, caller, at),
    }),
  }),
  route({
    method: "get",
    path: "/v1/releases/{id}/statement",
    roles: ["export-officer", "auditor"],
    summary: "An in-toto statement about a release's decision, which tells nobody's id",
    params: idParams,
    answers: { 200: envelope },
    handle: async ({ params: { id: release }, caller, services: { vault } }) => ({
      status: 200,
      json: await stateRelease(vault, caller, release),
    }),
  }),
];

function outlineOf(given: AttachedSignature) {
  const { keyFingerprint, covered, ignored, attachedAt, bundle, trust, attachedBy } = given;
  return {
    bundle,
    key: keyFingerprint,
    trust,
    files: { covered, ignored },
    attachedBy,
    attachedAt: attachedAt.toISOString(),
  };
}
