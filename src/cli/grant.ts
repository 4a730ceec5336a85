import { type Command, InvalidArgumentError } from "commander";
import { ask, query } from "./client.ts";
import { noun, recordOf, recordsIn, remote, uuid, whole } from "./command.ts";
import { type Context, openSession, type RemoteOptions } from "./context.ts";
import { columns, details, table } from "./output.ts";
import { standingCommands } from "./standing.ts";

type AddOptions = RemoteOptions & {
  readonly principal: string;
  readonly repository: string;
  readonly purpose: string;
  readonly validFrom?: string;
  readonly validUntil: string;
  readonly bytesAllowed?: number;
};

type ListOptions = RemoteOptions & { readonly principal?: string; readonly repository?: string };

export function grantCommands(program: Command, context: Context): void {
  const grant = noun(
    program,
    "grant",
    "need to know: who may fetch a repository, for what, until when",
  );
  remote(grant, "add", "let a principal fetch a repository")
    .requiredOption("--principal <id>", "who", uuid)
    .requiredOption("--repository <repository>", "namespace/name")
    .requiredOption("--purpose <text>", "what the keys are wanted for")
    .requiredOption("--valid-until <time>", "when it ends: a date or an instant, UTC", instant)
    .option("--valid-from <time>", "when it begins (now)", instant)
    .option("--bytes-allowed <bytes>", "how many bytes it carries in all (no limit)", whole)
    .action(async (options: AddOptions) => {
      const { client, output } = await openSession(context, options);
      const { principal, repository, purpose, validFrom, validUntil, bytesAllowed } = options;
      const answer = recordOf(
        await ask(client, "POST", "/v1/grants", {
          principal,
          repository,
          purpose,
          validFrom,
          validUntil,
          bytesAllowed: bytesAllowed ?? null,
        }),
      );
      output.result(answer, () => details(answer));
    });
  remote(grant, "list", "grants")
    .option("--principal <id>", "only this principal's", uuid)
    .option("--repository <repository>", "only of this repository, namespace/name")
    .action(async (options: ListOptions) => {
      const { client, output } = await openSession(context, options);
      const { principal, repository } = options;
      const answer = await ask(client, "GET", `/v1/grants${query({ principal, repository })}`);
      output.result(answer, () =>
        table(
          recordsIn(answer, "grants"),
          columns(
            "id",
            "principal",
            "repository",
            "state",
            "purpose",
            "validUntil",
            "bytesAllowed",
            "bytesUsed",
          ),
        ),
      );
    });
  standingCommands(grant, context, "grant", "grants");
}

/** A date is its first moment, UTC. */
export function instant(text: string): string {
  const isTime = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?Z)?$/.test(text);
  const time = new Date(text);
  // A day that the month does not have would silently become a later one, and the grant with it.
  const isReal =
    isTime && !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text.slice(0, 10));
  if (!isReal) throw new InvalidArgumentError("A time is YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ.");
  return time.toISOString();
}
