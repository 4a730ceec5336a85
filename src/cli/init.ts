import type { Command } from "commander";
import { parseAnswer } from "./answers.ts";
import { ask } from "./client.ts";
import { anonymous, positive, recordOf } from "./command.ts";
import { type Context, openSessionWithoutToken, type RemoteOptions } from "./context.ts";
import { readSecretFile } from "./credentials.ts";
import { type FactsOptions, factsOf, factsOptions } from "./facts.ts";
import { withTokenFile } from "./token-file.ts";

type InitOptions = RemoteOptions &
  FactsOptions & {
    readonly bootstrapTokenFile: string;
    readonly tokenFile: string;
    readonly expiresInDays?: number;
    readonly printToken?: boolean;
  };

/** Trades the one-time token of a new vault for its first officer and their token. */
export function initCommand(program: Command, context: Context): void {
  const command = anonymous(program, "init", "make the first officer of a new vault")
    .requiredOption("--bootstrap-token-file <file>", "the one-time token that the server wrote")
    .option("--token-file <file>", "where the officer's token goes", "./officer-token")
    .option("--expires-in-days <days>", "how long the token is good for (90)", positive)
    .option("--print-token", "print the token's text on stdout too");
  factsOptions(command).action(async (options: InitOptions) => {
    const { client, output } = openSessionWithoutToken(context, options);
    const person = await factsOf(options);
    using bootstrap = await readSecretFile(options.bootstrapTokenFile, output.note);
    const { answer, text } = await withTokenFile(options.tokenFile, async () => {
      const traded = recordOf(
        await ask(client, "POST", "/v1/bootstrap", {
          bootstrapToken: bootstrap.expose().toString("latin1"),
          person,
          expiresInDays: options.expiresInDays,
        }),
      );
      const issued = parseAnswer("token", traded["token"]);
      return { text: issued.text, answer: { answer: traded, text: issued.text } };
    });
    const { text: _text, ...token } = recordOf(answer["token"]);
    const shown = options.printToken === true ? { ...token, text } : token;
    const result = { ...answer, token: shown, tokenFile: options.tokenFile };
    output.note(`the token is in ${options.tokenFile}; use it with WEIGHTVAULT_TOKEN_FILE`);
    output.result(result, () =>
      [
        `person     ${String(answer["person"])}`,
        `principal  ${String(answer["principal"])}`,
        `token      ${String(token["id"])}, until ${String(token["expiresAt"])}`,
        ...(options.printToken === true ? [text] : []),
      ].join("\n"),
    );
  });
}
