import { isRefusal, type Refusal, type RefusalCode, refusals } from "../errors.ts";
import { Problem } from "./failure.ts";
import { systemSentence } from "./system-error.ts";

const quietOutcomes: readonly unknown[] = ["pass", "covered", "not-applicable"];

/** What stderr says of a failure: what happened, and what the reader can do. Empty where it was said already. */
export function describe(thrown: unknown): string {
  if (thrown instanceof Problem) return describeProblem(thrown).join("\n");
  if (isRefusal(thrown)) {
    // It is this process that asks the store, and no server has a log of it.
    if (thrown.code === "store_unavailable")
      return [withCause(thrown), todo("Correct that, and run the command again.")].join("\n");
    // A copy in a folder has no host.
    const { code, cause } = thrown;
    const told =
      code === "ledger_unavailable" && Error.isError(cause) ? systemSentence(cause) : null;
    if (told !== null) return told;
    // A ledger's host does not say which role it wants; it is always the same.
    const remedy = thrown.code === "role_missing" ? "Use an auditor's token." : thrown.remedy;
    // The remedy of a conflict is for who asked over HTTP; here the sentence itself says what stands in the way.
    return thrown.code === "conflict" ? thrown.message : [thrown.message, todo(remedy)].join("\n");
  }
  if (!Error.isError(thrown)) return String(thrown);
  // What Node says of it sounds like a fault.
  return thrown.name === "AbortError" ? "interrupted" : (systemSentence(thrown) ?? thrown.message);
}

/** A refusal's sentence for whoever runs the process that asked: with what the store answered, which over HTTP is in the log alone. */
export function withCause({ code, message, cause }: Refusal): string {
  if (code !== "store_unavailable" || !Error.isError(cause)) return message;
  const reason = "code" in cause && cause.message === "" ? String(cause.code) : cause.message;
  return `${message}: ${cause.name === "Error" ? "" : `${cause.name}: `}${reason}`;
}

function describeProblem({ status, code, message, document }: Problem): string[] {
  const lines = [message === "" ? `the server answered ${status}` : message];
  const remedy = document["remedy"] ?? catalogued(code);
  const checks = describeDecision(document["decision"]);
  lines.push(...checks);
  if (Array.isArray(document["errors"]))
    lines.push(...document["errors"].map((error: unknown) => `  ${sentence(error)}`));
  if (Array.isArray(document["candidates"])) lines.push(candidates(document["candidates"]));
  if (typeof remedy === "string" && checks.length === 0) lines.push(todo(remedy));
  if (Array.isArray(document["roles"])) lines.push(`roles: ${document["roles"].join(", ")}`);
  lines.push(...forbidding(document));
  if (typeof document["release"] === "string") lines.push(`release ${document["release"]}`);
  if (typeof document["requestId"] === "string") lines.push(`request ${document["requestId"]}`);
  return lines;
}

/** What forbids to destroy records. */
function forbidding({ retainedUntil, holds, standing }: Problem["document"]): string[] {
  const lines: string[] = [];
  if (typeof retainedUntil === "string") lines.push(`kept until ${retainedUntil}`);
  if (Array.isArray(holds)) lines.push(`holds: ${holds.join(", ")}`);
  if (Array.isArray(standing))
    lines.push(...standing.map((each) => `  ${text(each, "noun")} ${text(each, "id")}`));
  return lines;
}

/** Each check that stood in the way, with its citation and what would change it. */
export function describeDecision(decision: unknown): string[] {
  const checks = member(decision, "checks");
  if (!Array.isArray(checks)) return [];
  return checks
    .filter((check: unknown) => !quietOutcomes.includes(member(check, "outcome")))
    .flatMap((check: unknown) => {
      const remedy = member(check, "remedy");
      const [citation, reason] = [text(check, "citation"), text(check, "reason")];
      const [rule, why] = [citation && ` [${citation}]`, reason && `. ${reason}`];
      return [
        `  ${text(check, "check")}: ${text(check, "outcome")}${rule}${why}`,
        ...(typeof remedy === "string" ? [`    what would change it: ${remedy}`] : []),
      ];
    });
}

/** The entries that a datasheet leads to. */
function candidates(given: readonly unknown[]): string {
  const names = given.map((each) => [text(each, "eccn"), text(each, "paragraph")].join(" ").trim());
  return `candidates: ${names.join(", ") || "none"}`;
}

function todo(remedy: string): string {
  return `what to do: ${remedy}`;
}

function catalogued(code: string): string | undefined {
  return code in refusals ? refusals[code as RefusalCode][2] : undefined;
}

function sentence(error: unknown): string {
  const [path, message] = [text(error, "path"), text(error, "message")];
  if (message === "") return JSON.stringify(error);
  return path === "" ? message : `${path}: ${message}`;
}

function text(value: unknown, name: string): string {
  const found = member(value, name);
  return typeof found === "string" ? found : "";
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}
