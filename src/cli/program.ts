import { Command, CommanderError } from "commander";
import { isRefusal } from "../errors.ts";
import { classifyCommands } from "./classify.ts";
import type { Context } from "./context.ts";
import { custodyCommands } from "./custody.ts";
import { decideCommand } from "./decide.ts";
import { describe } from "./describe.ts";
import { downloadCommand } from "./download.ts";
import { entityCommands } from "./entity.ts";
import { exitOf, exits } from "./exit.ts";
import { Failure, Problem } from "./failure.ts";
import { grantCommands } from "./grant.ts";
import { holdCommands } from "./hold.ts";
import { initCommand } from "./init.ts";
import { ledgerCommands } from "./ledger.ts";
import { licenseCommands } from "./license.ts";
import { createOutput, printable } from "./output.ts";
import { overrideCommands } from "./override.ts";
import { personCommands } from "./person.ts";
import { recordsCommands } from "./records.ts";
import { releaseCommands } from "./release.ts";
import { repositoryCommands } from "./repository.ts";
import { riskCommand } from "./risk.ts";
import { serverCommands } from "./server.ts";
import { shredCommands } from "./shred.ts";
import { signatureCommands } from "./signature.ts";
import { statementCommands } from "./statement.ts";
import { systemSentence } from "./system-error.ts";
import { tokenCommands } from "./token.ts";
import { uploadCommand } from "./upload.ts";
import { witnessCommands } from "./witness.ts";
import { workloadCommands } from "./workload.ts";

/** Every command of `weightvault`. No command takes a token as an argument: the environment or a file holds it. */
export function buildProgram(context: Context): Command {
  const program = new Command("weightvault")
    .description("A vault for model weights: no recorded decision, no key.")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(printable(text)),
    })
    .showHelpAfterError("(--help says how it is used)")
    .addHelpText("after", `\nExit codes:\n${exitTable()}`);
  initCommand(program, context);
  tokenCommands(program, context);
  repositoryCommands(program, context);
  uploadCommand(program, context);
  downloadCommand(program, context);
  signatureCommands(program, context);
  statementCommands(program, context);
  classifyCommands(program, context);
  personCommands(program, context);
  entityCommands(program, context);
  workloadCommands(program, context);
  licenseCommands(program, context);
  grantCommands(program, context);
  decideCommand(program, context);
  overrideCommands(program, context);
  riskCommand(program, context);
  releaseCommands(program, context);
  recordsCommands(program, context);
  holdCommands(program, context);
  shredCommands(program, context);
  ledgerCommands(program, context);
  serverCommands(program, context);
  custodyCommands(program, context);
  witnessCommands(program, context);
  return program;
}

/** Runs one command line and gives its exit code; whatever is thrown is told on stderr, and a problem document with --json on stdout. */
export async function run(context: Context, argv: readonly string[]): Promise<number> {
  try {
    await buildProgram(context).parseAsync([...argv], { from: "user" });
    return exits.ok[0];
  } catch (thrown) {
    const isJson = argv.includes("--json");
    const output = createOutput(context, isJson);
    // Commander has written its own message already.
    if (!(thrown instanceof CommanderError)) output.note(describe(thrown));
    if (isJson && !(thrown instanceof Failure && thrown.isTold))
      output.result(documentOf(thrown), () => "");
    return exits[exitOf(thrown)][0];
  }
}

/** What went wrong, as a document: the server's own problem, or what stopped the command here. Help that was asked for is none. */
function documentOf(thrown: unknown): Readonly<Record<string, unknown>> {
  if (thrown instanceof Problem) return thrown.document;
  const code = isRefusal(thrown) ? thrown.code : exitOf(thrown);
  const told = Error.isError(thrown) ? (systemSentence(thrown) ?? thrown.message) : String(thrown);
  const said = printable(told);
  const detail = said === "" ? "standard error says why" : said;
  if (!isRefusal(thrown)) return { code, detail, remedy: null };
  return { ...thrown.members, code, detail, remedy: thrown.remedy };
}

function exitTable(): string {
  return Object.values(exits)
    .map(([code, meaning]) => `  ${code}  ${meaning}`)
    .join("\n");
}
