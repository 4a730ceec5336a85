import type { Command } from "commander";
import { local, uuid } from "./command.ts";
import type { Context } from "./context.ts";
import { Failure } from "./failure.ts";
import { createOutput } from "./output.ts";
import { withTokenFile } from "./token-file.ts";

/** The server itself, configured by the environment alone. Both say on stderr what went wrong. */
export function serverCommands(program: Command, context: Context): void {
  const runs = {
    serve: [context.serve, "run the server until SIGTERM or SIGINT"],
    migrate: [context.migrate, "apply the migrations as the owner of the database"],
  } as const;
  for (const [name, [run, description]] of Object.entries(runs)) {
    local(program, name, description).action(async (options: { readonly json?: boolean }) => {
      if ((await run(options.json === true)) !== 0) throw new Failure("failed", "");
    });
  }
  recoverCommand(program, context);
}

type RecoverOptions = {
  readonly json?: boolean;
  readonly person?: string;
  readonly tokenFile: string;
};

/** For whoever runs the server, when every token of the last officer or operator has expired. */
function recoverCommand(program: Command, context: Context): void {
  local(program, "recover", "give a governing role back after every token with it has expired")
    .option("--person <id>", "to whom, where more than one held it", uuid)
    .option("--token-file <file>", "where the token goes", "./recovered-token")
    .action(async (options: RecoverOptions) => {
      const output = createOutput(context, options.json === true);
      const recovered = await withTokenFile(options.tokenFile, async () => {
        const answer = await context.recover(options.person ?? null);
        using secret = answer.text;
        return { text: secret.expose().toString("ascii"), answer };
      });
      const { id, person, roles } = recovered;
      const { tokenFile } = options;
      const expiresAt = recovered.expiresAt.toISOString();
      output.note(`the token is in ${tokenFile}, for a day: issue the next tokens with it`);
      output.result({ token: id, person, roles, expiresAt, tokenFile }, () =>
        [
          `person  ${person}`,
          `token   ${id}, until ${expiresAt}`,
          `roles   ${roles.join(", ")}`,
        ].join("\n"),
      );
    });
}
