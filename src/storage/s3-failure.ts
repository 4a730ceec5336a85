import { isRefusal, Refusal } from "../errors.ts";

type Answered = {
  readonly name?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
};

/** Codes of stores that have no room, of S3 itself and of those that speak its protocol. */
const full: ReadonlySet<string> = new Set([
  "QuotaExceeded",
  "XMinioStorageFull",
  "InsufficientStorage",
  "InsufficientCapacity",
  "NoSpaceLeftOnDevice",
]);

/** The HTTP status of an answer that the client took for an error; null where none came. */
export function statusOf(error: unknown): number | null {
  return (error as Answered | null)?.$metadata?.httpStatusCode ?? null;
}

export function codeOf(error: unknown): string {
  const { name } = (error ?? {}) as Answered;
  return typeof name === "string" ? name : "";
}

/** The name is taken: a conditional write was refused. */
export function isTaken(error: unknown): boolean {
  return statusOf(error) === 412 || codeOf(error) === "PreconditionFailed";
}

/** The store does not let this caller do that: by policy, or since a lock forbids it. */
export function isDenied(error: unknown): boolean {
  return statusOf(error) === 403 || codeOf(error) === "AccessDenied";
}

/** Somebody else writes the same name at this moment. */
export function isConflict(error: unknown): boolean {
  return codeOf(error) === "ConditionalRequestConflict" || statusOf(error) === 409;
}

/** What arrived is not what was sent: to be sent again. */
export function isGarbled(error: unknown): boolean {
  return ["BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"].includes(
    codeOf(error),
  );
}

export function isMissing(error: unknown): boolean {
  return ["NoSuchKey", "NotFound"].includes(codeOf(error)) || isBare404(error);
}

/** The answer to HEAD has no body that could name a code. */
function isBare404(error: unknown): boolean {
  return statusOf(error) === 404 && !["NoSuchBucket", "NoSuchUpload"].includes(codeOf(error));
}

/** What the store refuses or does not answer, as `store_full` or `store_unavailable`; refusals and mistakes of ours pass as they are. */
export function refusalOf(error: unknown): unknown {
  if (isRefusal(error) || error instanceof TypeError || error instanceof RangeError) return error;
  if (full.has(codeOf(error)) || statusOf(error) === 507)
    return new Refusal("store_full", "the object store has no room for the blob", { cause: error });
  return new Refusal("store_unavailable", "the object store does not serve", { cause: error });
}

export async function onS3<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw refusalOf(error);
  }
}
