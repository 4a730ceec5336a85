import type { Response } from "express";
import { Refusal } from "../errors.ts";
import { hasUnreadBody, lingerMs } from "./bytes.ts";
import { stateOf } from "./state.ts";

const retryAfterSeconds = "5";
const issueLimit = 50;
const wordsLimit = 300;

/** A refusal as RFC 9457 says it. Members cannot replace the ones that every problem has; causes never leave. */
export function problemOf(refusal: Refusal, requestId: string): Record<string, unknown> {
  return {
    ...refusal.members,
    type: `urn:weightvault:problem:${refusal.code}`,
    title: refusal.title,
    status: refusal.status,
    detail: refusal.message,
    code: refusal.code,
    remedy: refusal.remedy,
    instance: `urn:weightvault:request:${requestId}`,
    requestId,
  };
}

/** Answers with a problem. Where the request's body is still coming, it is not waited for, and the connection ends. */
export function sendProblem(res: Response, refusal: Refusal): void {
  const body = Buffer.from(JSON.stringify(problemOf(refusal, stateOf(res).id)), "utf8");
  res.status(refusal.status);
  res.setHeader("Content-Type", "application/problem+json");
  res.setHeader("Content-Length", body.length);
  res.setHeader("Cache-Control", "no-store");
  if (refusal.status === 401) res.setHeader("WWW-Authenticate", challenge(refusal, res));
  if (refusal.status === 503) res.setHeader("Retry-After", retryAfterSeconds);
  if (!hasUnreadBody(res.req)) {
    res.end(body);
    return;
  }
  res.setHeader("Connection", "close");
  if (res.req.method !== "HEAD") res.write(body);
  linger(res);
}

/** One thing that a schema found wrong. */
export type Issue = { readonly path: readonly PropertyKey[]; readonly message: string };

/** What a schema found wrong, as one refusal that names the first fifty fields, each of them once, and counts the rest. */
export function schemaRefusal(issues: readonly Issue[], place: "body" | "query"): Refusal {
  return issuesRefusal(issues, (names) => `the ${place} does not fit: ${names(`the ${place}`)}`);
}

/** Members of a query that came more than once: two readers of it could take two values for the one that was meant. */
export function repeatedRefusal(members: readonly string[]): Refusal {
  const issues = members.map((name) => ({ path: [name], message: "is given more than once" }));
  return issuesRefusal(issues, (names) => `the query gives more than once: ${names("a member")}`);
}

function issuesRefusal(
  issues: readonly Issue[],
  say: (names: (unnamed: string) => string) => string,
): Refusal {
  // A member's name is the sender's own, and as long as they like.
  const errors = issues.slice(0, issueLimit).map(({ path, message }) => ({
    path: path.join(".").slice(0, wordsLimit),
    message: message.slice(0, wordsLimit),
  }));
  const omitted = issues.length - errors.length;
  const paths = new Set(errors.map(({ path }) => path));
  const detail = say((unnamed) => [...paths].map((path) => path || unnamed).join(", "));
  return new Refusal("invalid_request", detail.slice(0, 1_000), {
    members: omitted === 0 ? { errors } : { errors, errorsOmitted: omitted },
  });
}

/** RFC 6750, section 3: a request without a token is only told the scheme. */
function challenge({ code }: Refusal, res: Response): string {
  const scheme = 'Bearer realm="weightvault"';
  if (res.req.headers.authorization === undefined) return scheme;
  return code === "token_expired"
    ? `${scheme}, error="invalid_token", error_description="expired"`
    : `${scheme}, error="invalid_token"`;
}

/**
 * The answer is out, whole. Closing at once would reset the connection under a client that still sends, and take the answer from it; so
 * what comes is thrown away for a moment first.
 */
function linger(res: Response): void {
  const { req } = res;
  const end = () => {
    clearTimeout(timer);
    if (!res.writableEnded) res.end();
  };
  const timer = setTimeout(end, lingerMs);
  req.once("end", end).once("error", end).once("close", end);
  req.resume();
}
