import type { Command } from "commander";
import { local } from "./command.ts";
import type { Context } from "./context.ts";
import { createOutput } from "./output.ts";

/** `ledger rotate-key`: hands the ledger of the vault that the server's settings name over to its next signing key. */
export function rotateKeyCommand(ledger: Command, context: Context): void {
  local(
    ledger,
    "rotate-key",
    "replace the key that signs the ledger, by an entry that both keys sign; for whoever runs the server",
  ).action(async ({ json }: { readonly json?: boolean }) => {
    const output = createOutput(context, json === true);
    const rotated = await context.rotateKey();
    output.result(rotated, () =>
      [
        `the ledger's key is now ${rotated.verificationKey}`,
        `the old one signed ${rotated.lastSize} entries: ${rotated.replaced}`,
        rotated.next,
        "tell the operators of its witnesses the new key before that, and add it to the witness policy's logs; whoever pinned the old key may keep it",
      ].join("\n"),
    );
  });
}
