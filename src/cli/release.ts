import { open } from "node:fs/promises";
import { type Command, Option } from "commander";
import { ask, type Client, query, route } from "./client.ts";
import { noun, recordOf, recordsIn, remote, uuid } from "./command.ts";
import { type Context, openSession, type RemoteOptions } from "./context.ts";
import { describeDecision } from "./describe.ts";
import { Failure, Problem } from "./failure.ts";
import { demandingMlDsa, ledgerKey, withLedgerKey, withMlDsaKey } from "./ledger-key.ts";
import { columns, details, table } from "./output.ts";
import { isCode } from "./paths.ts";
import { fetchReceipt, verifyReceipt } from "./receipt.ts";
import { showCommand } from "./standing.ts";
import { systemSentence } from "./system-error.ts";

type ListOptions = RemoteOptions & {
  readonly repository?: string;
  readonly principal?: string;
  readonly state?: string;
};

type KeyOptions = RemoteOptions & { readonly ledgerKey?: string; readonly mlDsaKey?: string };
type ReceiptOptions = KeyOptions & { readonly save?: string };

const states = [
  "allowed",
  "denied",
  "held",
  "opening",
  "delivered",
  "failed",
  "abandoned",
  "unknown",
];

export function releaseCommands(program: Command, context: Context): void {
  const release = noun(program, "release", "decisions, and what came of them");
  remote(release, "list", "releases, newest first")
    .option("--repository <repository>", "only of this repository, namespace/name")
    .option("--principal <id>", "only to this principal", uuid)
    .addOption(new Option("--state <state>", "only in this state").choices(states))
    .action(async (options: ListOptions) => {
      const { client, output } = await openSession(context, options);
      const { repository, principal, state } = options;
      const answer = await ask(
        client,
        "GET",
        `/v1/releases${query({ repository, principal, state })}`,
      );
      output.result(answer, () =>
        table(
          recordsIn(answer, "releases"),
          columns(
            "id",
            "principal",
            "repository",
            "verdict",
            "state",
            "way",
            "bytesTotal",
            "createdAt",
          ),
        ),
      );
    });
  showCommand(release, context, "release", "releases");
  receiptCommand(release, context);
  evidenceCommand(release, context);
}

function receiptCommand(release: Command, context: Context): void {
  withMlDsaKey(
    withLedgerKey(
      remote(release, "receipt", "the proof that a decision stands in the ledger, verified here"),
    ),
  )
    .argument("<id>", "the release's id", uuid)
    .option("--save <name>", "keep it as <name>.json, the entry, and <name>.tlog-proof")
    .action(async (id: string, options: ReceiptOptions) => {
      const session = await openSession(context, options);
      const key = await demandingMlDsa(await ledgerKey(session, options.ledgerKey), options);
      const receipt = await fetchReceipt(session.client, id);
      const { entry, bytes } = verifyReceipt(receipt, key.key, key.rotations, key);
      if (entry.body["release"] !== id)
        throw new Failure("integrity", "the receipt is of another release");
      if (options.save !== undefined) {
        await keep(`${options.save}.json`, bytes);
        await keep(`${options.save}.tlog-proof`, Buffer.from(receipt.proof, "utf8"));
      }
      session.output.result({ ...receipt, verified: true, ledgerKey: key.text }, () =>
        details({
          index: receipt.index,
          kind: entry.kind,
          time: entry.time,
          verified: true,
          ledger: key.key.name,
        }),
      );
    });
}

function evidenceCommand(release: Command, context: Context): void {
  const command = remote(
    release,
    "evidence",
    "the facts behind a decision, held against its ledger entry and decided again",
  );
  withMlDsaKey(withLedgerKey(command))
    .argument("<id>", "the release's id", uuid)
    .action(async (id: string, options: KeyOptions) => {
      const session = await openSession(context, options);
      const { client, output } = session;
      const key = await demandingMlDsa(await ledgerKey(session, options.ledgerKey), options);
      const answer = recordOf(await ask(client, "GET", route`/v1/releases/${id}/evidence`));
      const { entry } = verifyReceipt(await fetchReceipt(client, id), key.key, key.rotations, key);
      // The rulebook is big, and no other command needs it.
      const { foreignRulebook, verifyEvidence } = await import("./evidence.ts");
      const digest = foreignRulebook(answer);
      const kept = digest === null ? null : await keptRulebook(client, digest);
      const { isDecidedAgain, sentence } = verifyEvidence(answer, { entry, release: id, kept });
      output.note(sentence);
      const proved = { entry: entry.index, ledgerKey: key.text, decidedAgain: isDecidedAgain };
      output.result({ ...answer, ...proved }, () => {
        const decision = recordOf(answer["decision"]);
        return [
          details({
            release: id,
            verdict: decision["verdict"],
            rulebook: decision["rulebook"],
            commitment: answer["commitment"],
            entry: entry.index,
            decidedAgain: isDecidedAgain,
          }),
          ...describeDecision(decision),
          JSON.stringify(answer["facts"], null, 2),
        ].join("\n");
      });
    });
}

/** What the server kept of a rulebook; null where it kept nothing. */
export async function keptRulebook(client: Client, digest: string): Promise<unknown> {
  try {
    return recordOf(await ask(client, "GET", route`/v1/rulebooks/${digest}`))["content"];
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

async function keep(file: string, bytes: Uint8Array): Promise<void> {
  try {
    await using handle = await open(file, "wx");
    await handle.writeFile(bytes);
  } catch (cause) {
    const isThere = isCode(cause, "EEXIST");
    const reason = !isThere && Error.isError(cause) ? systemSentence(cause) : null;
    const otherwise = `${file} ${isThere ? "is there already" : "cannot be written"}`;
    throw new Failure("failed", reason ?? otherwise, { cause });
  }
}
