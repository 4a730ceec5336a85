import type { IncomingMessage, ServerResponse } from "node:http";
import { Refusal } from "../errors.ts";
import { receiveAll } from "./bytes.ts";
import { assertJsonShape } from "./json-shape.ts";

export const jsonLimitBytes = 2 ** 20;

/** The request's JSON body. Throws `unsupported_media_type`, `payload_too_large`, `malformed_json`, or `invalid_request` for too many values. */
export async function receiveJson(req: IncomingMessage, res: ServerResponse): Promise<unknown> {
  assertMediaType(req, "application/json");
  const bytes = await receiveAll(req, res, jsonLimitBytes);
  assertJsonShape(bytes);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new Refusal("malformed_json", "the body does not parse as JSON in UTF-8", {
      cause: error,
    });
  }
}

/** Throws `unsupported_media_type` unless the body is declared as the type, uncompressed, and in UTF-8 where it names a charset. */
export function assertMediaType({ headers }: IncomingMessage, wanted: string): void {
  const [type = "", ...parameters] = (headers["content-type"] ?? "").toLowerCase().split(";");
  const charset = parameters.map((each) => each.trim()).find((each) => each.startsWith("charset="));
  const encoding = headers["content-encoding"] ?? "identity";
  if (type.trim() !== wanted)
    throw new Refusal("unsupported_media_type", `the body must be ${wanted}`);
  if (charset !== undefined && !/^charset="?utf-8"?$/.test(charset))
    throw new Refusal("unsupported_media_type", "the body must be UTF-8");
  if (encoding !== "identity")
    throw new Refusal("unsupported_media_type", "the body must not have a content encoding");
}
