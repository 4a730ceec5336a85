import { z } from "zod";
import { Failure } from "./failure.ts";

const revisionId = z.string().regex(/^[0-9a-f]{40}$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const size = z.int().min(0);
const base64url = z.string().regex(/^[A-Za-z0-9_-]*={0,2}$/);
const base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/);

const file = z.object({ path: z.string(), size, sha256, object: z.uuid() });

/** A repository that a classified one was made from. */
const base = z.object({
  repository: z.string(),
  classification: z.object({ eccn: z.string(), paragraph: z.string().nullable() }).nullable(),
  isLessStrict: z.string().nullable(),
});

/** The answers that the command line builds on; members that it does not read may come and go. */
export const answers = {
  repository: z.object({ head: revisionId.nullable() }),
  revision: z.object({ revision: revisionId, files: z.array(file) }),
  upload: z.object({ upload: z.uuid() }),
  uploads: z.object({
    uploads: z.array(
      z.object({ upload: z.uuid(), files: z.array(file), objects: z.array(z.object(file.shape)) }),
    ),
  }),
  parted: z.object({
    ...file.shape,
    state: z.string(),
    partBytes: size,
    parts: size,
    held: z.array(z.object({ part: size, size, sha256 })),
  }),
  part: z.object({ part: size, size, sha256 }),
  completed: z.union([file, z.object({ state: z.literal("proving"), provedBytes: size })]),
  uploadKey: z.object({
    key: z.uuid(),
    header: base64,
    enclosure: z.object({ kem: z.int(), enc: base64url, ciphertext: base64url }),
    receipt: z.object({ index: size, entry: base64, proof: z.string() }),
  }),
  partLocation: z.object({ url: z.string(), headers: z.record(z.string(), z.string()) }),
  location: z.object({ url: z.string(), isDirect: z.boolean(), expiresAt: z.iso.datetime() }),
  file,
  commit: z.object({ revision: revisionId }),
  ledgerKey: z.object({
    verificationKey: z.string(),
    keys: z
      .array(z.object({ lastSize: size.nullable(), statement: z.string().nullable() }))
      .default([]),
    /** None of a server that does not know them. */
    mlDsaKeys: z.array(z.string()).max(16).default([]),
  }),
  timestamp: z.object({ size, checkpoint: z.string(), response: base64 }),
  series: z.object({
    checkpoints: z.array(z.object({ size, checkpoint: z.string(), timestamp: base64.nullable() })),
  }),
  receipt: z.object({ index: size, entry: base64, proof: z.string() }),
  recordedRelease: z.object({
    entry: z.object({ index: size }).nullable(),
    outcome: z.object({ index: size.nullable() }).nullable(),
  }),
  simulation: z.looseObject({
    simulation: z.literal(true),
    decision: z.uuid(),
    entry: z.object({ index: size }),
    principal: z.uuid(),
    person: z.uuid(),
    workload: z.uuid().nullable(),
    repository: z.string(),
    verdict: z.enum(["allow", "deny", "hold"]),
    at: z.string(),
    rulebook: z.string(),
    rulebookAsOf: z.string(),
    overrides: z.array(z.string()),
    licenses: z.array(z.string()),
    checks: z.array(
      z.object({
        check: z.string(),
        outcome: z.string(),
        citation: z.string(),
        reason: z.string(),
        remedy: z.string().nullable(),
        rows: z.array(z.string()),
        licenses: z.array(z.string()),
        exceptions: z.array(
          z.object({
            exception: z.string(),
            symbol: z.string(),
            citation: z.string(),
            covers: z.boolean(),
            conditions: z.array(z.object({ condition: z.string(), state: z.string() })),
          }),
        ),
      }),
    ),
    advice: z.object({
      ways: z.array(
        z.array(z.object({ change: z.string(), kind: z.string(), sentence: z.string() })),
      ),
      obstacles: z.array(
        z.object({ check: z.string(), reason: z.string(), remedy: z.string().nullable() }),
      ),
      isCut: z.boolean(),
    }),
  }),
  proposed: z.object({
    classification: z.uuid(),
    datasheetSha256: sha256.nullable(),
    bases: z.array(base).default([]),
  }),
  classification: z.object({
    eccn: z.string(),
    paragraph: z.string().nullable(),
    basis: z.string(),
    justification: z.string().nullable(),
    attributes: z.record(z.string(), z.unknown()).nullable(),
    datasheet: z.unknown(),
    datasheetSha256: sha256.nullable(),
    proposal: z.looseObject({ rulebook: z.string() }).nullable(),
    bases: z.array(base).default([]),
  }),
  token: z.object({ text: z.string().regex(/^[\x21-\x7e]+$/) }),
  release: z.object({
    release: z.uuid(),
    expiresAt: z.iso.datetime(),
    revision: revisionId,
    enclosure: z.object({ kem: z.int(), enc: base64url, ciphertext: base64url }),
    objects: z.array(z.object({ ...file.shape, objectBytes: size })),
    receipt: z.object({ index: size, entry: base64, proof: z.string() }).nullable(),
    entry: z.object({ index: size, bytes: base64 }).optional(),
  }),
} as const;

export type Answer<Name extends keyof typeof answers> = z.output<(typeof answers)[Name]>;

/** The answer as this command line knows it. Throws where the server answers in another form. */
export function parseAnswer<Name extends keyof typeof answers>(
  name: Name,
  value: unknown,
): Answer<Name> {
  const parsed = answers[name].safeParse(value);
  if (parsed.success) return parsed.data as Answer<Name>;
  const where = parsed.error.issues[0]?.path.join(".") || "the whole of it";
  throw new Failure("failed", `the server's answer is not what this command expects: ${where}`);
}
