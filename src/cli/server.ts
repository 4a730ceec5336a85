import type { Command } from "commander";
import { local } from "./command.ts";
import type { Context } from "./context.ts";
import { Failure } from "./failure.ts";

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
}
