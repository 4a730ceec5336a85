import { z } from "zod";
import { locatePart } from "../vault/locate-part.ts";
import { releaseUploadKey } from "../vault/upload-key.ts";
import { assertUploadIn } from "../vault/upload-place.ts";
import { receipt } from "./releases.ts";
import { route } from "./route.ts";
import { byteCount, givenInstant, id, json, sha256 } from "./schema.ts";
import { objectAddress, objectParams, partParams } from "./upload-objects.ts";

/** Files that are sealed by who uploads them: their key is handed out on record, and their parts go into the store past the vault. */
export const directUploadRoutes = [
  route({
    method: "post",
    path: `${objectAddress}/{object}/key`,
    roles: ["uploader"],
    summary: "Be handed a begun file's data key, to seal its parts yourself",
    params: objectParams,
    // The vault has its own refusal for what is no point of P-256.
    body: z.strictObject({ recipientKey: z.base64url() }),
    answers: {
      201: json("The key, bound to the entry in the receipt, and the header to seal under.", {
        key: id.describe("names this hand-out"),
        header: z.base64(),
        enclosure: z.strictObject({
          kem: z.int(),
          enc: z.base64url(),
          ciphertext: z.base64url(),
        }),
        receipt,
      }),
    },
    handle: async ({ params, body, caller, services: { vault } }) => {
      await assertUploadIn(vault, params, params.upload);
      const { upload, object } = params;
      const recipientKey = Buffer.from(body.recipientKey, "base64url");
      const handed = await releaseUploadKey(vault, caller, { upload, object, recipientKey });
      const { kem, enc, ciphertext } = handed.enclosure;
      return {
        status: 201,
        json: {
          key: handed.key,
          header: handed.header.toString("base64"),
          enclosure: {
            kem,
            enc: enc.toString("base64url"),
            ciphertext: ciphertext.toString("base64url"),
          },
          receipt: handed.receipt,
        },
      };
    },
  }),
  route({
    method: "post",
    path: `${objectAddress}/{object}/parts/{part}/location`,
    roles: ["uploader"],
    summary: "Ask where one sealed part can be put into the object store itself",
    params: partParams,
    body: z.strictObject({
      size: byteCount.describe("of the part's plaintext"),
      sha256: sha256.describe("of the part's plaintext"),
      sealedSha256: sha256.describe("of the sealed part"),
    }),
    answers: {
      200: json(
        "An address for PUT that needs no token, lives for a short time and takes these bytes alone. Send exactly its headers.",
        { url: z.string(), headers: z.record(z.string(), z.string()), expiresAt: givenInstant },
      ),
    },
    handle: async ({ params, body, caller, services: { vault } }) => {
      await assertUploadIn(vault, params, params.upload);
      const { upload, object, part } = params;
      const { size: sizeBytes, ...digests } = body;
      const located = await locatePart(vault, caller, {
        upload,
        object,
        part,
        sizeBytes,
        ...digests,
      });
      using address = located.url;
      const { headers, expiresAt } = located;
      return { status: 200, json: { url: address.expose().toString("utf8"), headers, expiresAt } };
    },
  }),
];
