import { type Command, InvalidArgumentError, Option } from "commander";
import type { CosignatureAlgorithm } from "../merkle/cosignature.ts";
import { algorithmOf } from "../merkle/key-algorithm.ts";
import { local, noun, repeated } from "./command.ts";
import type { Context } from "./context.ts";
import { Failure } from "./failure.ts";
import { pinnedKey } from "./ledger-key.ts";
import { createOutput } from "./output.ts";

type InitOptions = {
  readonly json?: boolean;
  readonly folder: string;
  readonly name: string;
  readonly algorithm: CosignatureAlgorithm;
};

type ServeOptions = Pick<InitOptions, "json" | "folder" | "name"> & {
  readonly listen: Listen;
  readonly log: readonly string[];
};

type Listen = { readonly host: string; readonly port: number };

/** A witness of other people's ledgers. It needs no vault, no database and no token. */
export function witnessCommands(program: Command, context: Context): void {
  const witness = noun(program, "witness", "cosign checkpoints of ledgers that only grow");
  local(witness, "init", "make a witness: its key and its memory, and print its public key")
    .requiredOption("--folder <folder>", "where its key and memory lie; back up neither (see docs)")
    .requiredOption("--name <name>", "the key's name, such as witness.example/w1")
    .addOption(
      new Option("--algorithm <algorithm>", "what it cosigns with")
        .choices(["ed25519", "ml-dsa-44"])
        .default("ed25519"),
    )
    .action(async ({ json, folder, name, algorithm }: InitOptions) => {
      const output = createOutput(context, json === true);
      const made = await context.witness.init({ folder, name, algorithm });
      output.result(made, () => made.key);
    });
  local(witness, "serve", "answer add-checkpoint until SIGTERM or SIGINT")
    .requiredOption("--folder <folder>", "the folder that witness init made")
    .requiredOption("--name <name>", "the name that witness init was given")
    .requiredOption("--listen <host:port>", "where to listen, such as 127.0.0.1:7380", listen)
    .requiredOption(
      "--log <key>",
      "the verification key of a ledger to witness, or a file with it; may be given more than once",
      repeated,
    )
    .action(async ({ json, folder, name, listen: address, log }: ServeOptions) => {
      const output = createOutput(context, json === true);
      const keys = await Promise.all(log.map(async (text) => await pinnedKey({}, text)));
      const logs = keys.flatMap((each) => (each === null ? [] : [each.key]));
      if (logs.length !== log.length) throw new Failure("usage", "a --log is empty");
      if (logs.some(({ publicKey }) => algorithmOf(publicKey) !== "ed25519"))
        throw new Failure(
          "usage",
          "a --log is no Ed25519 key: a ledger of another is not witnessed",
        );
      const onListening = (served: { readonly url: string; readonly key: string }) =>
        output.result(served, () => `listens on ${served.url}\n${served.key}`);
      const options = { folder, name, ...address, logs, onListening };
      await context.witness.serve(options, context.interruption());
    });
}

function listen(text: string): Listen {
  const [, host = "", port] = /^(\[[0-9a-f:]+\]|[^:[\]\s]+):([0-9]{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535)
    throw new InvalidArgumentError("An address is host:port, such as 127.0.0.1:7380.");
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}
