import { Argument, type Command } from "commander";
import type { Report } from "../ledger/verify.ts";
import type { Policy } from "../merkle/policy.ts";
import { ask, type Client, route } from "./client.ts";
import { noun, positive, recordOf, remote, repeated, uuid, whole } from "./command.ts";
import type { Context } from "./context.ts";
import { counted, entriesOf } from "./counted.ts";
import { mlDsaHint } from "./exported-keys.ts";
import { Failure, Problem } from "./failure.ts";
import { type Beside, besideFolder, besideServer } from "./ledger-beside.ts";
import { type ChoiceOptions, selectionOf, withChoice } from "./ledger-choice.ts";
import { type Disclose, exportExcerpt } from "./ledger-excerpt.ts";
import { exportLedger } from "./ledger-export.ts";
import { followRotations } from "./ledger-key.ts";
import { type ManifestOptions, manifestsOf } from "./ledger-manifests.ts";
import { openPlace, type Place, type PlaceOptions, withPlace } from "./ledger-place.ts";
import { rebuildCommand } from "./ledger-rebuild.ts";
import { rotateKeyCommand } from "./ledger-rotate.ts";
import { indexesOf, showEntries } from "./ledger-show.ts";
import { isAddress } from "./ledger-source.ts";
import { oneLine, type StoryNoun, storyNouns, tell } from "./ledger-story.ts";
import { storyText, traceLedger } from "./ledger-trace.ts";
import { verifyCommand } from "./ledger-verify.ts";
import { monitorCommand } from "./ledger-watch.ts";
import { type Witnessing, witnessedSource } from "./ledger-witnessed.ts";
import { policyIn } from "./policy-file.ts";

type ExportOptions = PlaceOptions &
  ChoiceOptions & { readonly evidence?: boolean; readonly policy?: string };
type ShowOptions = PlaceOptions & { readonly last?: number; readonly release?: string };
type TraceOptions = PlaceOptions & ManifestOptions & { readonly last?: number };
export function ledgerCommands(program: Command, context: Context): void {
  const ledger = noun(program, "ledger", "the record of every decision: read, keep and verify it");
  verifyCommand(ledger, context);
  exportCommand(ledger, context);
  showCommand(ledger, context);
  traceCommand(ledger, context);
  monitorCommand(ledger, context);
  rebuildCommand(ledger, context);
  rotateKeyCommand(ledger, context);
}

function exportCommand(ledger: Command, context: Context): void {
  const command = remote(
    ledger,
    "export",
    "copy the ledger into a folder, where a second run goes on; or, where a part is asked for, an excerpt into a new one",
  );
  withChoice(withPlace(command))
    .option("--evidence", "with an excerpt, disclose the evidence that opens its commitments")
    .option(
      "--policy <file>",
      "a witness policy (C2SP tlog-policy): take a checkpoint that has its quorum, and wait for one that covers what is asked for",
    )
    .argument("<folder>", "where the checkpoint and tiles, or the excerpt, go")
    .action(async (folder: string, options: ExportOptions) => {
      const selection = selectionOf(options);
      if (selection === null && options.evidence === true)
        throw new Failure("usage", "evidence is disclosed with an excerpt: ask for a part");
      const policy = options.policy === undefined ? null : await policyIn(options.policy);
      if (policy !== null && options.ledger !== undefined && isAddress(options.ledger))
        throw new Failure(
          "usage",
          "an address is not asked for the checkpoints before the newest one, which --policy chooses from: ask the vault itself, or a folder",
        );
      const place = await openPlace(context, options);
      const { client } = place;
      const beside = client === null ? besideFolder(options.ledger ?? "") : besideServer(client);
      const witnessing = policy === null ? null : witnessedBy(policy, place, beside);
      const to = { folder, beside, witnessing };
      if (selection === null) return await exportWhole(place, { ...to, context });
      const disclose = options.evidence === true ? discloseFrom(client) : null;
      const { source, key, output } = place;
      const excerpt = await exportExcerpt(source, key, { ...to, selection, disclose });
      const hint = await mlDsaHint(folder, options.mlDsaKey);
      output.result({ folder, ...excerpt }, () =>
        [
          `${excerpt.entries.length} of ${entriesOf(excerpt.size)} in ${folder}, the evidence of ${counted(excerpt.evidence.length, "decision")} with them`,
          `verify them: weightvault ledger verify ${folder} --ledger-key '${key.text}'`,
          ...(hint === null ? [] : [hint]),
        ].join("\n"),
      );
    });
}

async function exportWhole(
  { source, key, output }: Place,
  {
    folder,
    beside,
    witnessing,
    context,
  }: {
    readonly folder: string;
    readonly beside: Beside;
    readonly witnessing: Witnessing | null;
    readonly context: Context;
  },
): Promise<void> {
  const from =
    witnessing === null ? { source, key } : await witnessedSource(source, key, witnessing);
  const signal = context.interruption();
  const result = await exportLedger(from.source, from.key, { folder, signal, beside });
  const hint = await mlDsaHint(folder, key.mlDsaKey?.keyId);
  output.result(result, () =>
    [
      `${entriesOf(result.size)} in ${folder}: ${counted(result.fetched, "tile")} fetched, ${result.kept} there already, ${counted(result.checkpoints, "signed checkpoint")} beside them`,
      `verify them: weightvault ledger verify ${folder} --ledger-key '${key.text}'`,
      ...(hint === null ? [] : [hint]),
    ].join("\n"),
  );
}

/** Witnesses are shown a checkpoint about once a second, and one that is slow answers within seconds. */
const quorumWait = { timeoutMs: 60_000, everyMs: 500 };

/** What is exported under a policy: a vault's quorum may come yet, a copy's does not. */
function witnessedBy(policy: Policy, { client, key, output }: Place, beside: Beside): Witnessing {
  const { series } = beside;
  if (client === null) return { policy, series, wait: null };
  const onWait = () => output.note("waiting for a checkpoint that has the policy's quorum");
  const rotations = async () => (await followRotations(client, key)).rotations;
  return { policy, series, wait: { ...quorumWait, onWait, rotations } };
}

function discloseFrom(client: Client | null): Disclose {
  if (client === null)
    throw new Failure("usage", "a copy of the ledger holds no evidence: ask the server");
  return async (release) => {
    const path = route`/v1/releases/${release}/evidence`;
    const answer = await ask(client, "GET", path).catch((error: unknown) => {
      // Evidence is erased when nothing asks for it any more.
      if (error instanceof Problem && error.status === 404) return null;
      throw error;
    });
    if (answer === null) return null;
    const evidence = recordOf(answer);
    const [{ foreignRulebook }, { keptRulebook }] = await Promise.all([
      import("./evidence.ts"),
      import("./release.ts"),
    ]);
    const digest = foreignRulebook(evidence);
    const content = digest === null ? null : await keptRulebook(client, digest);
    const rulebook = digest === null || content === null ? null : { digest, content };
    return { evidence, rulebook };
  };
}

function showCommand(ledger: Command, context: Context): void {
  withPlace(remote(ledger, "show", "entries, each proved to stand in the signed ledger"))
    .argument("[index]", "an entry's index", whole)
    .option("--last <count>", "the newest entries", positive)
    .option("--release <id>", "a release's decision and outcome", uuid)
    .action(async (index: number | undefined, options: ShowOptions) => {
      const { source, key, output, client } = await openPlace(context, options);
      const wanted = { index, last: options.last, release: options.release };
      if (client === null && options.release !== undefined)
        throw new Failure("usage", "in a copy, follow a release with: ledger trace release <id>");
      const entries = await showEntries(source, key, (size) => indexesOf(client, wanted, size));
      output.result({ entries }, () =>
        entries.map((entry) => `${tell(entry)}\n    ${JSON.stringify(entry.body)}`).join("\n"),
      );
    });
}

function traceCommand(ledger: Command, context: Context): void {
  withPlace(
    remote(
      ledger,
      "trace",
      "the custody story of a thing, from a ledger that is verified on the way",
    ),
  )
    .addArgument(new Argument("<what>", "what the story is of").choices(storyNouns))
    .argument("<id>", "its id: a revision's is 40 hex digits, any other's a UUID", storyId)
    .option("--last <count>", "only the newest entries of the story (10000)", positive)
    .option(
      "--in <revision>",
      "a revision that holds an object, or whose run, code and data sets are told, as namespace/name@revision; of an object more than once, or a repository for all of its revisions that hold it",
      repeated,
    )
    .option("--manifest <file>", "the same as JSON, as the server answers it", repeated)
    .action(async (what: StoryNoun, id: string, options: TraceOptions) => {
      if ((what === "revision") !== isRevisionId(id))
        throw new Failure("usage", "a revision's id is 40 hex digits, any other's a UUID");
      const { source, key, output, client } = await openPlace(context, options);
      const thing = { noun: what, id };
      const manifests = await manifestsOf(thing, options, client);
      const selection = { thing, from: null, until: null, manifests };
      const { traced, report } = await traceLedger(source, key, { selection, last: options.last });
      output.result({ ...thing, ...traced }, () => storyText(traced));
      for (const sentence of traced.notLookedInto)
        output.note(oneLine(`not looked into: ${sentence}`));
      assertVerified(report);
    });
}

const isRevisionId = (text: string): boolean => /^[0-9a-f]{40}$/.test(text);

function storyId(text: string): string {
  return isRevisionId(text) ? text : uuid(text);
}

function assertVerified({ verified, errors }: Report): void {
  if (!verified)
    throw new Failure(
      "integrity",
      `the story is of a ledger that does not verify: ${counted(errors, "finding")}`,
    );
}
