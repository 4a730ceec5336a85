import type { Context } from "../../src/cli/context.ts";
import { init, serve } from "../../src/witness.ts";

type ServersOwn = "serve" | "migrate" | "custody" | "recover" | "rebuild" | "rotateKey";

async function refuse(): Promise<never> {
  throw new Error("this command line has no server of its own");
}

/** A command line for clients: what runs or maintains a server fails here, and nobody interrupts it. */
export const noServer: Pick<Context, ServersOwn | "witness" | "interruption"> = {
  interruption: () => new AbortController().signal,
  serve: refuse,
  migrate: refuse,
  custody: refuse,
  recover: refuse,
  rebuild: refuse,
  rotateKey: refuse,
  witness: { init, serve },
};
