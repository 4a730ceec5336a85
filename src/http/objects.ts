import { z } from "zod";
import { Refusal } from "../errors.ts";
import { locateSealed } from "../vault/locate.ts";
import { readSealed, type SealedBytes } from "../vault/read-sealed.ts";
import { transmit } from "./bytes.ts";
import { originOf } from "./origin.ts";
import { evaluate, type Wanted } from "./precondition.ts";
import { type Call, route } from "./route.ts";
import { givenInstant, id, idParams, json } from "./schema.ts";

const path = "/v1/releases/{id}/objects/{object}";
const params = idParams.extend({ object: id });
const content = "application/octet-stream";

/** Sealed objects of a delivered release, for whoever has the keys: resumable, in ranges. */
export const objectRoutes = [
  route({
    method: "head",
    path,
    roles: ["reader"],
    summary: "Read a sealed object's size",
    params,
    answers: {
      200: { description: "The headers of the sealed object." },
      304: { description: "The caller has the object already." },
    },
    handle: async ({ params, caller, services: { vault }, req, res }) => {
      const { id: release, object } = params;
      const { sizeBytes } = await readSealed(vault, caller, { release, object });
      // A Range means nothing here (RFC 9110, section 14.2); the other conditions do.
      const wanted = evaluate({ ...req.headers, range: undefined }, etagOf(object), sizeBytes);
      if (settleWithoutBytes(res, object, { wanted, sizeBytes })) return null;
      describe(res, object);
      res.setHeader("Content-Length", sizeBytes);
      res.status(200).end();
      return null;
    },
  }),
  route({
    method: "get",
    path,
    roles: ["reader"],
    summary: "Download a sealed object of a release that was delivered to the caller",
    params,
    answers: {
      200: { description: "The sealed bytes.", content },
      206: { description: "The range asked for.", content },
      304: { description: "The caller has the object already." },
    },
    handle: async ({ params, caller, services: { vault }, req, res }) => {
      const { id: release, object } = params;
      const sealed = await readSealed(vault, caller, { release, object });
      await answer({ req, res }, object, sealed);
      return null;
    },
  }),
  route({
    method: "get",
    path: `${path}/location`,
    roles: ["reader"],
    summary: "Ask where a sealed object can be read from the object store itself",
    params,
    answers: {
      200: json(
        "An address that needs no token and lives for a short time, or the path of the vault's own route. Either serves sealed bytes, in ranges.",
        { url: z.string(), isDirect: z.boolean(), expiresAt: givenInstant },
      ),
    },
    handle: async ({ params, caller, services, req }) => {
      const { id: release, object } = params;
      const destination = originOf(req, services);
      const located = await locateSealed(services.vault, caller, { release, object, destination });
      const { expiresAt } = located;
      using address = located.url;
      const url = address?.expose().toString("utf8") ?? `/v1/releases/${release}/objects/${object}`;
      return { status: 200, json: { url, isDirect: address !== null, expiresAt } };
    },
  }),
];

async function answer(
  { req, res }: Pick<Call, "req" | "res">,
  object: string,
  { sizeBytes, read }: SealedBytes,
): Promise<void> {
  const wanted = evaluate(req.headers, etagOf(object), sizeBytes);
  if (settleWithoutBytes(res, object, { wanted, sizeBytes })) return;
  const isPart = wanted.kind === "part";
  const { start, end } = isPart ? wanted : { start: 0, end: sizeBytes };
  const source = read({ start, end })[Symbol.asyncIterator]();
  const first = await source.next();
  describe(res, object);
  if (isPart) res.setHeader("Content-Range", `bytes ${start}-${end - 1}/${sizeBytes}`);
  res.setHeader("Content-Length", end - start);
  res.status(isPart ? 206 : 200);
  await transmit(res, source, first);
}

/** Answers what needs no byte of the object. Throws `precondition_failed` or `range_not_satisfiable`; false where bytes are wanted. */
function settleWithoutBytes(
  res: Call["res"],
  object: string,
  { wanted, sizeBytes }: { readonly wanted: Wanted; readonly sizeBytes: number },
): boolean {
  switch (wanted.kind) {
    case "not-modified":
      describe(res, object);
      res.removeHeader("Content-Type");
      res.status(304).end();
      return true;
    case "precondition-failed":
      throw new Refusal("precondition_failed", "the object is not the one that If-Match names");
    case "unsatisfiable":
      res.setHeader("Content-Range", `bytes */${sizeBytes}`);
      throw new Refusal("range_not_satisfiable", `the object has ${sizeBytes} bytes`);
    case "whole":
    case "part":
      return false;
  }
}

/** The bytes of an object never change, so its id serves as a strong entity tag. */
function etagOf(object: string): string {
  return `"${object}"`;
}

function describe(res: Call["res"], object: string): void {
  res.setHeader("Accept-Ranges", "bytes");
  res.setHeader("ETag", etagOf(object));
  res.setHeader("Content-Type", content);
}
