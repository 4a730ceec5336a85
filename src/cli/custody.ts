import type { Command } from "commander";
import { ask } from "./client.ts";
import { local, noun, recordOf, recordsIn, remote } from "./command.ts";
import { type Context, openSession, type RemoteOptions } from "./context.ts";
import { counted } from "./counted.ts";
import { Failure } from "./failure.ts";
import { columns, details, table } from "./output.ts";

/** For whoever sets up a KMS or an HSM, with the server's settings, and for operators who rotate its key, by way of the server. */
export function custodyCommands(program: Command, context: Context): void {
  const custody = noun(program, "custody", "the keys that wrap data keys and sign checkpoints");
  const whats = {
    init: "make on the PKCS #11 token the keys that it lacks",
    check: "say what the token lacks, and try the configured custodian and signer",
  } as const;
  for (const what of ["init", "check"] as const) {
    local(custody, what, whats[what]).action(async (options: { readonly json?: boolean }) => {
      if ((await context.custody(what, options.json === true)) !== 0)
        throw new Failure("failed", "");
    });
  }
  remote(
    custody,
    "rotate",
    "begin to re-wrap every data key under the primary key-encryption key, in the background",
  ).action(async (options: RemoteOptions) => {
    const { client, output } = await openSession(context, options);
    const answer = recordOf(await ask(client, "POST", "/v1/custody/rotations"));
    output.result(
      answer,
      () =>
        `rotation ${String(answer["rotation"])} has begun: ${counted(String(answer["keys"]), "key goes", "keys go")} under ${String(answer["kek"])}\n\`weightvault custody status\` says how far it is; keep the older key-encryption keys until it says that nothing needs them`,
    );
  });
  remote(
    custody,
    "status",
    "which key-encryption keys are in use, and how far a rotation is",
  ).action(async (options: RemoteOptions) => {
    const { client, output } = await openSession(context, options);
    const answer = recordOf(await ask(client, "GET", "/v1/custody"));
    output.result(answer, () => statusText(answer));
  });
}

function statusText(answer: Readonly<Record<string, unknown>>): string {
  const { kek, keks: _, rotation, ...rest } = answer;
  const parts = [
    details({ primary: kek, ...rest }),
    table(recordsIn(answer, "keks"), columns("kek", "objects", "persons", "terms")),
  ];
  if (rotation === null) parts.push("no rotation was begun yet");
  else parts.push(details(recordOf(rotation)), ...adviceOf(recordOf(rotation)));
  return parts.join("\n\n");
}

/** When an older key may go: a key that is disabled too early takes backups with it. */
function adviceOf({ state, left, rejected, restorableUntil }: Readonly<Record<string, unknown>>) {
  if (state !== "finished") return [];
  if (left !== 0)
    return [
      `${counted(String(left), "key is", "keys are")} still under an older key-encryption key (${String(rejected)} of them ${rejected === 1 ? "does" : "do"} not open): it has to stay`,
    ];
  return [
    typeof restorableUntil !== "string"
      ? "nothing here needs the older key-encryption keys any more; backups of before the end of the rotation do, for as long as you keep them"
      : `nothing here needs the older key-encryption keys any more; backups may until ${restorableUntil}`,
  ];
}
