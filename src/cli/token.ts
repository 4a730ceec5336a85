import type { Command } from "commander";
import { parseAnswer } from "./answers.ts";
import { ask, query, route } from "./client.ts";
import {
  anonymous,
  noun,
  positive,
  recordOf,
  recordsIn,
  remote,
  repeated,
  uuid,
} from "./command.ts";
import { type Context, openSession, type RemoteOptions } from "./context.ts";
import { Failure } from "./failure.ts";
import { columns, details, table } from "./output.ts";
import { withTokenFile } from "./token-file.ts";

type CreateOptions = RemoteOptions & {
  readonly principal: string;
  readonly role: readonly string[];
  readonly expiresInDays?: number;
};

export function tokenCommands(program: Command, context: Context): void {
  const token = noun(program, "token", "issue, list and revoke tokens");
  createCommand(token, context);

  remote(token, "list", "tokens, without their text")
    .option("--principal <id>", "only this principal's", uuid)
    .action(async (options: RemoteOptions & { readonly principal?: string }) => {
      const { client, output } = await openSession(context, options);
      const { principal } = options;
      const answer = await ask(client, "GET", `/v1/tokens${query({ principal })}`);
      output.result(answer, () =>
        table(
          recordsIn(answer, "tokens"),
          columns("id", "principal", "roles", "expiresAt", "revokedAt"),
        ),
      );
    });

  remote(token, "show", "whose token this is, and what it may do").action(
    async (options: RemoteOptions) => {
      const { client, output } = await openSession(context, options);
      const answer = recordOf(await ask(client, "GET", "/v1/me"));
      output.result(answer, () => details(answer));
    },
  );

  remote(token, "revoke", "end a token for good")
    .argument("<id>", "the token's id, not its text", uuid)
    .action(async (id: string, options: RemoteOptions) => {
      const { client, output } = await openSession(context, options);
      await ask(client, "DELETE", route`/v1/tokens/${id}`);
      output.result({ id, revoked: true }, () => `token ${id} is revoked`);
    });
}

function createCommand(token: Command, context: Context): void {
  anonymous(token, "create", "issue a token to a principal; yours comes from the environment")
    .requiredOption("--principal <id>", "who will hold it", uuid)
    .requiredOption("--role <role>", "what it may do; may be repeated", repeated)
    .option("--expires-in-days <days>", "how long it is good for (90), 365 at the most", positive)
    .option("--token-file <file>", "where the new token's text goes; without it, --json prints it")
    .action(async ({ tokenFile, ...options }: CreateOptions) => {
      if (tokenFile === undefined && options.json !== true)
        throw new Failure(
          "usage",
          "name a --token-file for the new token, or ask for it with --json",
        );
      const { client, output } = await openSession(context, options);
      const { principal, role: roles, expiresInDays } = options;
      const issue = async () => {
        const answer = recordOf(
          await ask(client, "POST", "/v1/tokens", { principal, roles, expiresInDays }),
        );
        return { answer, text: parseAnswer("token", answer).text };
      };
      if (tokenFile === undefined) {
        output.result((await issue()).answer, () => "");
        return;
      }
      const { text: _text, ...answer } = await withTokenFile(tokenFile, issue);
      output.note(`the token is in ${tokenFile}`);
      output.result({ ...answer, tokenFile }, () => details(answer));
    });
}
