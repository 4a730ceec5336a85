import { CommanderError } from "commander";
import { isRefusal, type RefusalCode } from "../errors.ts";
import { Failure, Problem } from "./failure.ts";

/** Every exit code of the command line, once. They are stable: scripts branch on them. */
export const exits = {
  ok: [0, "done"],
  failed: [1, "it failed here, or the server refused it for a reason that has no code of its own"],
  usage: [2, "the command line is not right"],
  notAuthenticated: [3, "no valid token"],
  refused: [4, "the export decision denies or holds the release"],
  notFound: [5, "there is no such thing, or the caller may not know of it"],
  integrity: [6, "a digest, a tag, a receipt or the ledger does not verify"],
  unavailable: [7, "the server cannot be reached or cannot serve now"],
} as const satisfies Record<string, readonly [code: number, meaning: string]>;

export type ExitName = keyof typeof exits;

/** Refusals that mean tampering or damage, whichever side finds it. */
const integrityCodes: ReadonlySet<string> = new Set<RefusalCode>([
  "digest_mismatch",
  "object_corrupt",
  "record_tampered",
  "wrapped_key_rejected",
]);
const decisionCodes: ReadonlySet<string> = new Set<RefusalCode>([
  "release_denied",
  "release_held",
  "release_stopped",
]);
const outages: ReadonlySet<number> = new Set([502, 503, 504]);

/** How the process ends after whatever was thrown. */
export function exitOf(thrown: unknown): ExitName {
  if (thrown instanceof Failure) return thrown.exit;
  if (thrown instanceof CommanderError) return exitOfCommander(thrown);
  if (thrown instanceof Problem || isRefusal(thrown)) return exitOfAnswer(thrown);
  return "failed";
}

function exitOfAnswer({ status, code }: { readonly status: number; readonly code: string }) {
  if (integrityCodes.has(code)) return "integrity";
  if (decisionCodes.has(code)) return "refused";
  if (status === 401) return "notAuthenticated";
  if (status === 404) return "notFound";
  return outages.has(status) ? "unavailable" : "failed";
}

/** Help and version that were asked for are no error; a group without its verb is one, although it prints help too. */
function exitOfCommander({ exitCode }: CommanderError): ExitName {
  return exitCode === 0 ? "ok" : "usage";
}
