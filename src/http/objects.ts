import { Refusal } from "../errors.ts";
import { readSealed, type SealedBytes } from "../vault/read-sealed.ts";
import { transmit } from "./bytes.ts";
import { evaluate } from "./precondition.ts";
import { type Call, route } from "./route.ts";
import { id, idParams } from "./schema.ts";

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
    answers: { 200: { description: "The headers of the sealed object." } },
    handle: async ({ params, caller, services: { vault }, res }) => {
      const { id: release, object } = params;
      const sealed = await readSealed(vault, caller, { release, object });
      describe(res, object);
      res.setHeader("Content-Length", sealed.sizeBytes);
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
];

async function answer(
  { req, res }: Pick<Call, "req" | "res">,
  object: string,
  { sizeBytes, read }: SealedBytes,
): Promise<void> {
  const wanted = evaluate(req.headers, `"${object}"`, sizeBytes);
  if (wanted.kind === "precondition-failed")
    throw new Refusal("precondition_failed", "the object is not the one that If-Match names");
  if (wanted.kind === "unsatisfiable") {
    res.setHeader("Content-Range", `bytes */${sizeBytes}`);
    throw new Refusal("range_not_satisfiable", `the object has ${sizeBytes} bytes`);
  }
  if (wanted.kind === "not-modified") {
    describe(res, object);
    res.removeHeader("Content-Type");
    res.status(304).end();
    return;
  }
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

/** The bytes of an object never change, so its id serves as a strong entity tag. */
function describe(res: Call["res"], object: string): void {
  res.setHeader("Accept-Ranges", "bytes");
  res.setHeader("ETag", `"${object}"`);
  res.setHeader("Content-Type", content);
}
