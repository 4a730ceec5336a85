import { join } from "node:path";
import { pino } from "pino";
import { makeFolder } from "./cli/paths.ts";
import { cosigningKeyOf, newCosigningPem } from "./custody/cosigning-key.ts";
import { keepKeyFile, readKeyFile } from "./custody/soft-file.ts";
import { Refusal } from "./errors.ts";
import {
  type CosignatureAlgorithm,
  type Cosigner,
  cosignerKey,
  encodeCosignerKey,
} from "./merkle/cosignature.ts";
import { isKeyName, type VerificationKey } from "./merkle/note.ts";
import { serveWitness } from "./witness/server.ts";
import { WitnessState } from "./witness/state.ts";
import { Witness } from "./witness/witness.ts";

/** The composition root of `weightvault witness`: a server of its own, beside no vault, in a folder of its own. */
export type WitnessPlace = { readonly folder: string; readonly name: string };

export type WitnessInit = WitnessPlace & { readonly algorithm: CosignatureAlgorithm };

export type WitnessServe = WitnessPlace & {
  readonly host: string;
  readonly port: number;
  readonly logs: readonly VerificationKey[];
  /** Told the address and the witness's key once it serves. */
  readonly onListening: (served: { readonly url: string; readonly key: string }) => void;
};

export type WitnessCommands = {
  readonly init: (options: WitnessInit) => Promise<{ readonly key: string }>;
  readonly serve: (options: WitnessServe, signal: AbortSignal) => Promise<void>;
};

/**
 * Makes a witness: its memory, then its key (mode 0600), and gives the text of its public key. Throws `already_exists` where the folder holds
 * a witness: a key is never made over another, and a memory never thrown away.
 */
export async function init({ folder, name, algorithm }: WitnessInit): Promise<{ key: string }> {
  if (!isKeyName(name))
    throw new Refusal("configuration_invalid", "a witness's name has no space and no plus");
  await makeFolder(folder, 0o700);
  const { stateFile, keyFile } = filesIn(folder);
  if ((await readKeyFile(keyFile)) !== null)
    // Its first init may have ended before anybody read what it printed.
    throw new Refusal(
      "already_exists",
      `${folder} holds a witness already: \`weightvault witness serve\` prints its public key`,
    );
  const state = WitnessState.make(stateFile, name);
  try {
    const pem = await keepKeyFile({ file: keyFile, mayMake: true }, () =>
      newCosigningPem(algorithm),
    );
    return { key: encodeCosignerKey(cosignerOf(keyFile, pem, name).key) };
  } finally {
    state.close();
  }
}

/** Serves until the signal aborts. Throws `configuration_invalid` where the folder holds no whole witness of that name. */
export async function serve(
  { folder, name, host, port, logs, onListening }: WitnessServe,
  signal: AbortSignal,
): Promise<void> {
  const { stateFile, keyFile } = filesIn(folder);
  const pem = await readKeyFile(keyFile);
  if (pem === null)
    throw new Refusal("configuration_invalid", `${folder} has no key: run witness init`);
  const cosigner = cosignerOf(keyFile, pem, name);
  const state = WitnessState.open(stateFile);
  try {
    if (state.name !== name)
      throw new Refusal("configuration_invalid", `${folder} is of the witness ${state.name}`);
    const log = pino(pino.destination({ dest: 2, sync: true }));
    const witness = new Witness({ state, cosigner, logs, now: () => new Date() });
    const server = await serveWitness(witness, {
      host,
      port,
      onAnswer: ({ status, origin, size, suspicion }) => {
        if (suspicion === undefined) log.info({ status, origin, size }, "add-checkpoint");
        else log.warn({ status, origin, ...suspicion }, "the log contradicts itself");
      },
      onFailure: (error) => log.error({ err: error }, "the witness cannot cosign"),
    });
    onListening({ url: server.url, key: encodeCosignerKey(cosigner.key) });
    await aborted(signal);
    await server.stop();
  } finally {
    state.close();
  }
}

function filesIn(folder: string): { readonly stateFile: string; readonly keyFile: string } {
  return { stateFile: join(folder, "witness.sqlite"), keyFile: join(folder, "witness-key.pem") };
}

function cosignerOf(file: string, pem: Buffer, name: string): Cosigner {
  const { algorithm, publicKey, sign } = cosigningKeyOf(file, pem);
  return { key: cosignerKey(algorithm, name, publicKey), sign };
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
