import { z } from "zod";
import { isRefusal, Refusal } from "../errors.ts";
import { assertActive, type Caller } from "../identity/authenticate.ts";
import { findWanted, type ReleaseFile } from "../vault/decide.ts";
import { findVisibleRepository, type RepositoryName } from "../vault/repository.ts";
import { type ByteRange, type OpenStream, releaseStream } from "../vault/stream.ts";
import { transmit } from "./bytes.ts";
import { decisionRefusal } from "./decision.ts";
import { originOf } from "./origin.ts";
import { evaluate, type Wanted } from "./precondition.ts";
import { type Call, route, type Services } from "./route.ts";
import { repositoryParams, revisionName } from "./schema.ts";
import { stateOf } from "./state.ts";

const params = repositoryParams.extend({ revision: revisionName, path: z.string() });
const path = "/v1/repositories/{namespace}/{name}/revisions/{revision}/files/{path...}";
const content = "application/octet-stream";

type FileCall = Call<z.output<typeof params>, unknown, unknown, Caller>;

export const fileRoutes = [
  // Before GET, which would answer HEAD too and make a release for it.
  route({
    method: "head",
    path,
    roles: ["reader"],
    summary: "Read a file's size and digest; makes no release",
    params,
    answers: { 200: { description: "The headers of the file." } },
    handle: async (call) => {
      const { params, caller, services, req, res } = call;
      await findVisibleRepository(services.vault, caller, params);
      const found = await find(call);
      const wanted = evaluate({ ...req.headers, range: undefined }, etagOf(found.file), 0);
      if (settleWithoutBytes(call, found, wanted)) return null;
      describe(call, found);
      res.setHeader("Content-Length", found.file.size);
      res.status(200).end();
      return null;
    },
  }),
  route({
    method: "get",
    path,
    roles: ["reader"],
    summary: "Release a file as a decrypted stream, whole or in one range",
    params,
    admitsSuspended: true,
    answers: {
      200: { description: "The file. Several ranges at once are answered whole.", content },
      206: { description: "The range asked for.", content },
      304: { description: "The caller has the file already; no release was made." },
    },
    handle: async (call) => {
      const { caller, services, req } = call;
      const found = await find(call);
      const wanted = evaluate(req.headers, etagOf(found.file), found.file.size);
      const isKnown = await mayKnow(services, caller, call.params);
      if (isKnown && settleWithoutBytes(call, found, wanted)) return null;
      const stream = await open(call, found.revision);
      if (settleWithoutBytes(call, found, wanted)) return null;
      await answer(call, { ...found, stream, wanted });
      return null;
    },
  }),
];

type FoundFile = { readonly revision: string; readonly file: ReleaseFile };

async function find({ params, services }: FileCall): Promise<FoundFile> {
  const { path, ...rest } = params;
  const { revision, files } = await findWanted(services.vault, { ...rest, paths: [path] });
  const [file] = files;
  if (file === undefined) throw new Refusal("not_found", "the revision has no such file");
  return { revision, file };
}

/** Whether the caller may learn of the file without a release: of size and digest, no more. */
async function mayKnow(
  { vault }: Services,
  caller: Caller,
  wanted: RepositoryName,
): Promise<boolean> {
  try {
    assertActive(caller);
    await findVisibleRepository(vault, caller, wanted);
    return true;
  } catch (error) {
    if (isRefusal(error, "not_found", "principal_suspended")) return false;
    throw error;
  }
}

async function open(call: FileCall, revision: string): Promise<OpenStream> {
  const { params, caller, services, req, res } = call;
  const answer = await releaseStream(services.vault, caller, {
    ...params,
    revision,
    destination: originOf(req, services),
  });
  const release = answer.decided?.release ?? answer.stream?.release ?? null;
  stateOf(res).release = release;
  if (answer.stream === null) throw decisionRefusal(answer.decided, caller);
  res.setHeader("X-Weightvault-Release", answer.stream.release);
  return answer.stream;
}

function describe({ res }: FileCall, { revision, file }: FoundFile): void {
  res.setHeader("Accept-Ranges", "bytes");
  res.setHeader("ETag", etagOf(file));
  res.setHeader("Content-Type", content);
  res.setHeader("X-Content-SHA256", file.sha256);
  res.setHeader("X-Weightvault-Revision", revision);
}

/** Answers what needs no byte of the file. Throws `precondition_failed` or `range_not_satisfiable`; false where bytes are wanted. */
function settleWithoutBytes(call: FileCall, found: FoundFile, wanted: Wanted): boolean {
  const { size } = found.file;
  switch (wanted.kind) {
    case "not-modified":
      describe(call, found);
      call.res.removeHeader("Content-Type");
      call.res.status(304).end();
      return true;
    case "precondition-failed":
      throw new Refusal("precondition_failed", "the file is not the one that If-Match names");
    case "unsatisfiable":
      call.res.setHeader("Content-Range", `bytes */${size}`);
      throw new Refusal("range_not_satisfiable", `the file has ${size} bytes`);
    case "whole":
    case "part":
      return false;
  }
}

type Answered = FoundFile & { readonly stream: OpenStream; readonly wanted: Wanted };

/** The first verified bytes come before the head, so that what fails by then is still a proper refusal. */
async function answer(call: FileCall, { stream, wanted, ...found }: Answered): Promise<void> {
  const { res } = call;
  const { size } = found.file;
  const range =
    wanted.kind === "part" ? { start: wanted.start, end: wanted.end } : { start: 0, end: size };
  if (res.destroyed) return;
  const { source, first } = await begin(call, { revision: found.revision, stream, range });
  describe(call, found);
  if (wanted.kind === "part")
    res.setHeader("Content-Range", `bytes ${range.start}-${range.end - 1}/${size}`);
  res.setHeader("Content-Length", range.end - range.start);
  res.status(wanted.kind === "part" ? 206 : 200);
  await transmit(res, source, first);
}

type Beginning = {
  readonly revision: string;
  readonly stream: OpenStream;
  readonly range: ByteRange;
};

/**
 * Reads the first bytes. The release that the caller's earlier ranges made may end just before, for example because they were all of the
 * file; then a new one is asked for.
 */
async function begin(call: FileCall, { revision, stream, range }: Beginning) {
  const read = async (from: OpenStream) => {
    const source = from.read(range);
    return { source, first: await source.next() };
  };
  try {
    return await read(stream);
  } catch (error) {
    if (!isRefusal(error, "release_stopped")) throw error;
    return await read(await open(call, revision));
  }
}

function etagOf({ sha256 }: ReleaseFile): string {
  return `"${sha256}"`;
}
