import { lstatSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Entry } from "../ledger/entry.ts";
import type { Replayed } from "../ledger/verify.ts";
import { licensesOutOfScope, verifyEvidence } from "./evidence.ts";
import { Failure } from "./failure.ts";
import { isCode } from "./paths.ts";
import { isRecord } from "./record.ts";
import { rulebookFile } from "./rulebook-file.ts";

const releasePattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Evidence has some kilobytes, and a rulebook less than a megabyte: whoever filled the folder must not fill the memory of who reads it. */
const longestFileBytes = 16 * 2 ** 20;
const decisions = new Set(["release.allowed", "release.denied", "release.held"]);

export type Replay = {
  readonly replay: (entry: Entry) => Replayed;
  /** How many decisions there were, how many were held to their evidence, and how many of those were decided again. */
  readonly counts: { decisions: number; held: number; decidedAgain: number };
};

/**
 * Holds decisions to the evidence that was disclosed in a folder, `evidence/<release>.json`, and decides again on their rulebook: this
 * version's own, or one in `rulebooks/<digest>.json`. Decisions without evidence in the folder pass unjudged, save for the releases that are `named`:
 * their evidence was said to be there. Throws `failed` where there is no such folder, in which they all would pass.
 */
export function replayFrom(folder: string, named: ReadonlySet<string> = new Set()): Replay {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new Failure("failed", `${folder} is no folder with an excerpt's evidence`);
  const counts = { decisions: 0, held: 0, decidedAgain: 0 };
  const replay = (entry: Entry): Replayed => {
    const { kind, body } = entry;
    const { release } = body;
    if (!decisions.has(kind) || typeof release !== "string" || !releasePattern.test(release))
      return null;
    counts.decisions += 1;
    const evidence = readJson(join(folder, "evidence", `${release}.json`));
    if (evidence === null)
      return named.has(release)
        ? `release ${release}: the excerpt names its evidence, and the file is missing`
        : null;
    counts.held += 1;
    const kept = keptRulebook(folder, evidence);
    try {
      const { isDecidedAgain } = verifyEvidence(evidence, { entry, release, kept });
      if (isDecidedAgain) counts.decidedAgain += 1;
      return null;
    } catch (error) {
      const reason = Error.isError(error) ? error.message : String(error);
      const [license] = licensesOutOfScope(evidence, kept);
      if (license === undefined) return `release ${release}: ${reason}`;
      const message = `release ${release} rests on license ${license}, whose scope does not cover it`;
      return { code: "license_out_of_scope", message };
    }
  };
  return { replay, counts };
}

function keptRulebook(folder: string, { decision }: Shown): unknown {
  const digest = isRecord(decision) ? decision["rulebook"] : null;
  const file = typeof digest === "string" ? rulebookFile(digest) : null;
  return file === null ? null : readJson(join(folder, file));
}

type Shown = Readonly<Record<string, unknown>>;

/** Null where there is no such file. What is none of ours judges no decision, and so fails it. */
function readJson(file: string): Shown | null {
  try {
    const found = lstatSync(file, { throwIfNoEntry: false });
    if (found === undefined) return null;
    // A pipe would keep its reader waiting for ever.
    if (!found.isFile() || found.size > longestFileBytes) return {};
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    return isRecord(value) ? value : {};
  } catch (error) {
    if (isCode(error, "ENOENT")) return null;
    return {};
  }
}
