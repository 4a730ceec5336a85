import { z } from "zod";
import { Refusal } from "../errors.ts";
import { keptLineageForm, lineageForm } from "../lineage/form.ts";
import { listUploads } from "../vault/list-uploads.ts";
import { lend } from "../vault/memory.ts";
import { commitRevision } from "../vault/revision.ts";
import { abortUpload, listUpload, openUpload, putFile } from "../vault/upload.ts";
import { assertUploadIn } from "../vault/upload-place.ts";
import { receive } from "./bytes.ts";
import { declaredSha256 } from "./digest.ts";
import { assertMediaType } from "./json.ts";
import { elementLimit } from "./json-shape.ts";
import { type Call, route } from "./route.ts";
import {
  byteCount,
  done,
  givenInstant,
  id,
  json,
  repositoryParams,
  revisionId,
  sha256,
  text,
} from "./schema.ts";

/** A stored file as answers give it. */
export const storedFile = z.strictObject({
  path: z.string(),
  size: byteCount,
  sha256,
  object: id,
});

export const uploadParams = repositoryParams.extend({ upload: id });
const address = "/v1/repositories/{namespace}/{name}/uploads";

export const uploadRoutes = [
  route({
    method: "post",
    path: address,
    roles: ["uploader"],
    summary: "Open an upload",
    params: repositoryParams,
    answers: { 201: json("The upload.", { upload: id, expiresAt: givenInstant }) },
    handle: async ({ params, caller, services: { vault } }) => ({
      status: 201,
      json: await openUpload(vault, caller, params),
    }),
  }),
  route({
    method: "get",
    path: address,
    roles: ["uploader"],
    summary: "List your newest open uploads and what they hold, to go on with one",
    params: repositoryParams,
    answers: {
      200: json("The uploads, the newest first.", {
        uploads: z.array(
          z.strictObject({
            upload: id,
            expiresAt: givenInstant,
            files: z.array(storedFile),
            objects: z.array(
              storedFile.extend({ parts: byteCount, held: byteCount.describe("how many parts") }),
            ),
          }),
        ),
      }),
    },
    handle: async ({ params, caller, services: { vault } }) => ({
      status: 200,
      json: { uploads: await listUploads(vault, caller, params) },
    }),
  }),
  route({
    method: "get",
    path: `${address}/{upload}`,
    roles: ["uploader"],
    summary: "Read what an upload holds",
    params: uploadParams,
    answers: {
      200: json("The upload.", {
        upload: id,
        state: z.enum(["open", "committed", "aborted", "expired"]),
        revision: revisionId.nullable(),
        expiresAt: givenInstant,
        files: z.array(storedFile),
      }),
    },
    handle: async ({ params, caller, services: { vault } }) => {
      await assertUploadIn(vault, params, params.upload);
      return { status: 200, json: await listUpload(vault, caller, params.upload) };
    },
  }),
  route({
    method: "delete",
    path: `${address}/{upload}`,
    roles: ["uploader"],
    summary: "Give up an upload",
    params: uploadParams,
    answers: { 204: done },
    handle: async ({ params, caller, services: { vault } }) => {
      await assertUploadIn(vault, params, params.upload);
      await abortUpload(vault, caller, params.upload);
      return { status: 204 };
    },
  }),
  route({
    method: "put",
    path: `${address}/{upload}/files/{path...}`,
    roles: ["uploader"],
    summary: "Send one file's bytes; they are sealed as they come",
    params: uploadParams.extend({ path: z.string() }),
    takesBytes: true,
    answers: { 201: { description: "The sealed file.", json: storedFile } },
    handle: async (call) => {
      const { params, caller, services, req, res } = call;
      const { sizeBytes, declared } = announced(call);
      await assertUploadIn(services.vault, params, params.upload);
      const file = await putFile(services.vault, caller, {
        upload: params.upload,
        path: params.path,
        sizeBytes,
        source: lend(receive(req, res)),
        ...(declared === null ? {} : { sha256: declared }),
      });
      return { status: 201, json: file };
    },
  }),
  route({
    method: "post",
    path: `${address}/{upload}/commit`,
    roles: ["uploader"],
    summary: "Make a revision of an upload, whole or not at all",
    params: uploadParams,
    body: z.strictObject({
      parent: revisionId.nullable(),
      message: text(10_000, 0).default(""),
      // The vault has its own refusal for a bad path.
      files: z
        .array(z.strictObject({ path: z.string(), size: byteCount, sha256 }))
        .min(1)
        .max(elementLimit),
      lineage: lineageForm.nullable().default(null),
      modelSignature: text(600_000)
        .nullable()
        .default(null)
        .describe(
          "An OpenSSF Model Signing bundle over the files; a longer one is attached later.",
        ),
    }),
    answers: {
      201: json("The revision.", {
        revision: revisionId,
        manifest: z.strictObject({
          repository: id,
          parent: revisionId.nullable(),
          message: z.string(),
          createdAt: givenInstant,
          createdBy: id,
          files: z.array(storedFile),
          lineage: keptLineageForm.exactOptional(),
        }),
      }),
    },
    handle: async ({ params, body, caller, services: { vault } }) => ({
      status: 201,
      json: await commitRevision(vault, caller, { ...params, ...body }),
    }),
  }),
];

/** What the headers say of the bytes to come. Throws `length_required` (also for a chunked body), `unsupported_media_type`. */
export function announced({ req }: Pick<Call, "req">) {
  // RFC 9110, 14.5: a part must never be taken for the whole.
  if ("content-range" in req.headers)
    throw new Refusal("invalid_request", "the bytes are sent whole, without Content-Range", {
      members: { errors: [{ path: "Content-Range", message: "is not taken here" }] },
    });
  const { "content-length": length, "transfer-encoding": transfer } = req.headers;
  if (length === undefined || transfer !== undefined)
    throw new Refusal("length_required", "a file's size must come in Content-Length");
  const sizeBytes = Number(length);
  if (!Number.isSafeInteger(sizeBytes))
    throw new Refusal("payload_too_large", "a file may have 5 TiB at the most");
  const isDeclared =
    req.headers["content-type"] !== undefined || req.headers["content-encoding"] !== undefined;
  if (isDeclared) assertMediaType(req, "application/octet-stream");
  return { sizeBytes, declared: declaredSha256(req.headers) };
}
