import type { Command } from "commander";
import { local } from "./command.ts";
import type { Context } from "./context.ts";
import { entriesOf } from "./counted.ts";
import { pinnedKey } from "./ledger-key.ts";
import { createOutput } from "./output.ts";

type RotateOptions = { readonly json?: boolean; readonly replace?: string };

/** `ledger rotate-key`: hands the ledger of the vault that the server's settings name over to its next signing key. */
export function rotateKeyCommand(ledger: Command, context: Context): void {
  local(
    ledger,
    "rotate-key",
    "replace the key that signs the ledger, by an entry that both keys sign; for whoever runs the server",
  )
    .option(
      "--replace <key>",
      "the key to be replaced, or a file with it; for a soft key that has replaced another before",
    )
    .action(async ({ json, replace }: RotateOptions) => {
      const output = createOutput(context, json === true);
      const named = replace === undefined ? null : await pinnedKey({}, replace);
      const rotated = await context.rotateKey({ replace: named?.key ?? null });
      output.result(rotated, () =>
        [
          `the ledger's key is ${rotated.wasDone ? "already" : "now"} ${rotated.verificationKey}`,
          `the old one signed ${entriesOf(rotated.lastSize)}: ${rotated.replaced}`,
          rotated.next,
          ...(rotated.wasDone
            ? []
            : [
                "tell the operators of its witnesses the new key before that, and add it to the witness policy's logs; whoever pinned the old key may keep it",
              ]),
        ].join("\n"),
      );
    });
}
