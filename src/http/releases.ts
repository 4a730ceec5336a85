import { z } from "zod";
import type { Caller } from "../identity/authenticate.ts";
import type { DecidedRelease } from "../vault/decide.ts";
import { listReleases, type ReadRelease, readReceipt, readRelease } from "../vault/read-release.ts";
import { sealedBytes } from "../vault/read-sealed.ts";
import { readEvidence } from "../vault/reading.ts";
import { type EnclosedRelease, releaseEnclosed } from "../vault/release.ts";
import { decision, decisionRefusal, renderDecision } from "./decision.ts";
import { elementLimit } from "./json-shape.ts";
import { originOf } from "./origin.ts";
import { route } from "./route.ts";
import {
  byteCount,
  givenInstant,
  id,
  idParams,
  json,
  repositoryOf,
  repositoryText,
  revisionId,
  revisionName,
} from "./schema.ts";
import { stateOf } from "./state.ts";
import { storedFile } from "./uploads.ts";

const states = [
  "allowed",
  "opening",
  "delivered",
  "failed",
  "abandoned",
  "unknown",
  "denied",
  "held",
] as const;

export const receipt = z.strictObject({ index: z.int(), entry: z.base64(), proof: z.string() });

const outline = {
  id,
  principal: id,
  repository: repositoryText,
  revision: revisionId,
  way: z.enum(["enclosed", "stream"]),
  verdict: z.enum(["allow", "deny", "hold"]),
  state: z.enum(states),
  decision: z.record(z.string(), z.unknown()),
  grant: id.nullable(),
  licenses: z.array(id),
  objectCount: z.int(),
  bytesTotal: byteCount,
  bytesCharged: byteCount,
  bytesDelivered: byteCount,
  createdAt: givenInstant,
  expiresAt: givenInstant,
  entry: z.strictObject({ index: z.int() }).nullable(),
  outcome: z.strictObject({ kind: z.string(), index: z.int().nullable() }).nullable(),
};

const releaseObject = storedFile.extend({ objectBytes: byteCount, url: z.string() });

export const releaseRoutes = [
  route({
    method: "post",
    path: "/v1/releases",
    roles: ["reader"],
    summary: "Request the keys of files, enclosed for a recipient's key",
    admitsSuspended: true,
    body: z.strictObject({
      repository: repositoryText,
      revision: revisionName,
      paths: z.array(z.string()).min(1).max(elementLimit).nullable().default(null),
      // The vault has its own refusal for what is no point of P-256.
      recipientKey: z.base64url(),
    }),
    answers: {
      201: json("The keys, bound to the entry in the receipt.", {
        release: id,
        expiresAt: givenInstant,
        revision: revisionId,
        decision,
        enclosure: z.strictObject({
          kem: z.int(),
          enc: z.base64url(),
          ciphertext: z.base64url(),
        }),
        objects: z.array(releaseObject),
        receipt: receipt.nullable(),
        entry: z.strictObject({ index: z.int(), bytes: z.base64() }).optional(),
      }),
    },
    handle: async ({ body, caller, services, req, res }) => {
      const { repository, revision, paths, recipientKey } = body;
      const { decided, enclosed } = await releaseEnclosed(services.vault, caller, {
        ...repositoryOf(repository),
        revision,
        paths,
        way: "enclosed",
        recipientKey: Buffer.from(recipientKey, "base64url"),
        destination: originOf(req, services),
      });
      stateOf(res).release = decided.release;
      if (enclosed === null) throw decisionRefusal(decided, caller);
      return { status: 201, json: renderEnclosed(decided, enclosed, caller) };
    },
  }),
  route({
    method: "get",
    path: "/v1/releases",
    roles: ["export-officer", "auditor", "reader"],
    summary: "List releases; readers see their own",
    query: z.strictObject({
      repository: repositoryText.optional(),
      principal: id.optional(),
      state: z.enum(states).optional(),
    }),
    answers: {
      200: json("The newest 200, newest first.", { releases: z.array(z.strictObject(outline)) }),
    },
    handle: async ({ query, caller, services: { vault } }) => {
      const releases = await listReleases(vault, caller, {
        repository: query.repository === undefined ? null : repositoryOf(query.repository),
        principal: query.principal ?? null,
        state: query.state ?? null,
      });
      return { status: 200, json: { releases: releases.map(outlineOf) } };
    },
  }),
  route({
    method: "get",
    path: "/v1/releases/{id}",
    roles: ["export-officer", "auditor", "reader"],
    summary: "Read a release",
    params: idParams,
    answers: { 200: json("The release.", outline) },
    handle: async ({ params, caller, services: { vault } }) => ({
      status: 200,
      json: outlineOf(await readRelease(vault, caller, params.id)),
    }),
  }),
  route({
    method: "get",
    path: "/v1/releases/{id}/receipt",
    roles: ["export-officer", "auditor", "reader"],
    summary: "The receipt of a release's decision, to be verified offline",
    params: idParams,
    answers: { 200: { description: "The receipt.", json: receipt } },
    handle: async ({ params, caller, services: { vault } }) => ({
      status: 200,
      json: await readReceipt(vault, caller, params.id),
    }),
  }),
  route({
    method: "get",
    path: "/v1/releases/{id}/evidence",
    roles: ["personal-data-reader"],
    summary:
      "What a decision rested on, with the salt that opens its commitment; that it was read is recorded first",
    params: idParams,
    answers: {
      200: json("The evidence.", {
        release: id,
        facts: z.record(z.string(), z.unknown()),
        decision: z.record(z.string(), z.unknown()),
        salt: z.string(),
        commitment: z.string(),
      }),
    },
    handle: async ({ params, caller, services: { vault } }) => {
      const read = await readEvidence(vault, caller, params.id);
      const { facts, decision, salt, commitment } = read;
      return { status: 200, json: { release: params.id, facts, decision, salt, commitment } };
    },
  }),
];

function renderEnclosed(
  decided: DecidedRelease,
  { enclosure, receipt, place }: EnclosedRelease,
  caller: Caller,
) {
  const { release, expiresAt, revision, files } = decided;
  return {
    release,
    expiresAt,
    revision,
    decision: renderDecision(decided.decision, caller),
    enclosure: {
      kem: enclosure.kem,
      enc: enclosure.enc.toString("base64url"),
      ciphertext: enclosure.ciphertext.toString("base64url"),
    },
    objects: files.map(({ path, size, sha256, object }) => ({
      path,
      size,
      sha256,
      object,
      objectBytes: sealedBytes(size),
      url: `/v1/releases/${release}/objects/${object}`,
    })),
    receipt,
    ...(receipt === null
      ? { entry: { index: place.index, bytes: place.bytes.toString("base64") } }
      : {}),
  };
}

function outlineOf(row: ReadRelease) {
  const { id, principal, namespace, name, revision, way, verdict, state, decision } = row;
  const { grant, licenses, entryIndex, ending } = row;
  return {
    id,
    principal,
    repository: `${namespace}/${name}`,
    revision,
    way,
    verdict,
    state,
    decision,
    grant,
    licenses,
    objectCount: row.object_count,
    bytesTotal: Number(row.bytes_total),
    bytesCharged: Number(row.bytes_charged),
    bytesDelivered: Number(row.bytes_delivered),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    entry: entryIndex === null ? null : { index: entryIndex },
    outcome: ending,
  };
}
