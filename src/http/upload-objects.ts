import { z } from "zod";
import { Refusal } from "../errors.ts";
import { completeParted } from "../vault/complete-parted.ts";
import { lend } from "../vault/memory.ts";
import { abortParted, beginParted, readParted } from "../vault/parted.ts";
import { putPart } from "../vault/put-part.ts";
import { assertUploadIn } from "../vault/upload-place.ts";
import { receive } from "./bytes.ts";
import { route } from "./route.ts";
import { byteCount, done, id, json, sha256 } from "./schema.ts";
import { announced, storedFile, uploadParams } from "./uploads.ts";

export const objectAddress = "/v1/repositories/{namespace}/{name}/uploads/{upload}/objects";
export const objectParams = uploadParams.extend({ object: id });
export const partParams = objectParams.extend({
  part: z
    .string()
    .regex(/^[0-9]{1,9}$/)
    .transform(Number),
});
/** How soon a client may ask again for a completion that is under way. */
const retryAfterSeconds = 1;

const partedObject = {
  ...storedFile.shape,
  state: z.enum(["open", "proving", "sealed"]),
  partBytes: byteCount.describe("the bytes of every part but the last"),
  parts: z.int().min(1),
  held: z.array(z.strictObject({ part: z.int().min(1), size: byteCount, sha256 })),
  provedBytes: byteCount,
  digest: z
    .enum(["declared", "proved", "refuted"])
    .nullable()
    .describe("of a sealed file whose parts did not pass through the vault"),
};

/** Files that come by parts: begun with their size and digest, sent in any order and side by side, completed once. */
export const uploadObjectRoutes = [
  route({
    method: "post",
    path: objectAddress,
    roles: ["uploader"],
    summary: "Begin a file that comes by parts, or find it again",
    params: uploadParams,
    // The vault has its own refusals for a bad path and for a file that is too large.
    body: z.strictObject({ path: z.string(), size: byteCount, sha256 }),
    answers: {
      200: json("It was begun before; `held` says what of it came.", partedObject),
      201: json("The file and how it is cut.", partedObject),
    },
    handle: async ({ params, body, caller, services: { vault } }) => {
      await assertUploadIn(vault, params, params.upload);
      const { isNew, object } = await beginParted(vault, caller, {
        upload: params.upload,
        path: body.path,
        sizeBytes: body.size,
        sha256: body.sha256.toLowerCase(),
      });
      return { status: isNew ? 201 : 200, json: object };
    },
  }),
  route({
    method: "get",
    path: `${objectAddress}/{object}`,
    roles: ["uploader"],
    summary: "Read which parts of a file are held",
    params: objectParams,
    answers: { 200: json("The file and its parts.", partedObject) },
    handle: async ({ params, caller, services: { vault } }) => {
      await assertUploadIn(vault, params, params.upload);
      return { status: 200, json: await readParted(vault, caller, params) };
    },
  }),
  route({
    method: "delete",
    path: `${objectAddress}/{object}`,
    roles: ["uploader"],
    summary: "Give up a file that comes by parts",
    params: objectParams,
    answers: { 204: done },
    handle: async ({ params, caller, services: { vault } }) => {
      await assertUploadIn(vault, params, params.upload);
      await abortParted(vault, caller, params);
      return { status: 204 };
    },
  }),
  route({
    method: "put",
    path: `${objectAddress}/{object}/parts/{part}`,
    roles: ["uploader"],
    summary:
      "Send one part's bytes with their SHA-256 in Content-Digest; they are sealed as they come",
    params: partParams,
    takesBytes: true,
    answers: {
      200: json("The part is held.", { part: z.int().min(1), size: byteCount, sha256 }),
    },
    handle: async (call) => {
      const { params, caller, services, req, res } = call;
      const { sizeBytes, declared } = announced(call);
      if (declared === null)
        throw new Refusal("digest_required", "the part came without its SHA-256");
      await assertUploadIn(services.vault, params, params.upload);
      const part = await putPart(services.vault, caller, {
        upload: params.upload,
        object: params.object,
        part: params.part,
        sizeBytes,
        sha256: declared,
        source: lend(receive(req, res)),
      });
      return { status: 200, json: part };
    },
  }),
  route({
    method: "post",
    path: `${objectAddress}/{object}/complete`,
    roles: ["uploader"],
    summary: "Put a file's parts together and prove the whole; ask again while it is under way",
    params: objectParams,
    answers: {
      201: { description: "The sealed file, which a commit can name.", json: storedFile },
      202: json("It is being proved.", { state: z.literal("proving"), provedBytes: byteCount }),
    },
    handle: async ({ params, caller, services: { vault } }) => {
      await assertUploadIn(vault, params, params.upload);
      const completed = await completeParted(vault, caller, params);
      if (completed.state === "sealed") return { status: 201, json: completed.file };
      return {
        status: 202,
        json: completed,
        headers: { "Retry-After": String(retryAfterSeconds) },
      };
    },
  }),
];
