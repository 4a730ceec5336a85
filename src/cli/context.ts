import type { Writable } from "node:stream";
import type { Rebuilt } from "../ledger/rebuild.ts";
import type { TileSource } from "../ledger/source.ts";
import type { Rotated } from "../maintain.ts";
import type { CosignerKey } from "../merkle/cosignature.ts";
import type { VerificationKey } from "../merkle/note.ts";
import type { Recovered } from "../vault/recover.ts";
import type { WitnessCommands } from "../witness.ts";
import { type Client, createClient } from "./client.ts";
import { type Env, findToken } from "./credentials.ts";
import { Failure } from "./failure.ts";
import { createOutput, type Output } from "./output.ts";
import { Progress } from "./progress.ts";

/** What the command line stands on; `main.ts` gives the real ones. */
export type Context = {
  readonly env: Env;
  readonly stdout: Writable;
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  /** Aborted when the user interrupts, and with a `Failure` as its reason when nobody reads the output any more. From the first call on, an interruption no longer ends the process at once. */
  readonly interruption: () => AbortSignal;
  /** The server and its migrations, composed outside: each runs and gives its exit code. */
  readonly serve: () => Promise<number>;
  readonly migrate: (isJson: boolean) => Promise<number>;
  /** Makes the keys of the configured custodian and signer, or tries them; gives the exit code. */
  readonly custody: (what: "init" | "check", isJson: boolean) => Promise<number>;
  /** Gives a governing role back that nobody holds any more. */
  readonly recover: (person: string | null) => Promise<Recovered>;
  /** Rebuilds the ledger in the database that the server's settings name; without a source, from the store that they name. */
  readonly rebuild: (from: {
    readonly source: TileSource | null;
    readonly key: VerificationKey;
    readonly mlDsaKey: CosignerKey | null;
    readonly timestampCertificates: string | null;
  }) => Promise<Rebuilt>;
  /** Hands the ledger over to the next signing key that the server's settings name. */
  readonly rotateKey: (options: { readonly replace: VerificationKey | null }) => Promise<Rotated>;
  /** A witness of ledgers, composed outside. */
  readonly witness: WitnessCommands;
};

/** The options that every command that talks to the server has. */
export type RemoteOptions = {
  readonly json?: boolean;
  readonly url?: string;
  readonly tokenFile?: string;
  readonly timeout?: number;
};

/** One command under way. */
export type Session = {
  readonly env: Env;
  readonly client: Client;
  readonly output: Output;
  readonly progress: (totalBytes: number) => Progress;
};

const defaultUrl = "http://127.0.0.1:7373";
const defaultTimeoutSeconds = 120;

/** Opens a session with the caller's token. Throws `notAuthenticated` where there is none. */
export async function openSession(context: Context, options: RemoteOptions): Promise<Session> {
  const session = openSessionWithoutToken(context, options);
  const { note } = session.output;
  const token = await findToken(context.env, { file: options.tokenFile, note });
  if (token === null) {
    throw new Failure(
      "notAuthenticated",
      "no token: set WEIGHTVAULT_TOKEN_FILE to a file that holds it, or WEIGHTVAULT_TOKEN",
    );
  }
  return { ...session, client: { ...session.client, token } };
}

/** For the few addresses that ask for none. */
export function openSessionWithoutToken(context: Context, options: RemoteOptions): Session {
  const output = createOutput(context, options.json === true);
  const url = serverUrl(context.env, options.url);
  const isLocal = ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
  if (url.protocol === "http:" && !isLocal)
    output.note(`warning: ${url.origin} is not https, so the token crosses the network in clear`);
  return {
    env: context.env,
    output,
    progress: (totalBytes) => new Progress({ stderr: context.stderr, totalBytes }),
    client: createClient({
      url,
      token: null,
      timeoutMs: (options.timeout ?? defaultTimeoutSeconds) * 1_000,
      signal: context.interruption(),
    }),
  };
}

/** The server's address: what `/v1/` stands below. Throws `usage`. */
export function serverUrl(env: Env, given: string | undefined): URL {
  const text = given ?? (env["WEIGHTVAULT_URL"] || defaultUrl);
  const named = given === undefined ? "WEIGHTVAULT_URL" : "the address of the server";
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol))
    throw new Failure("usage", `${named} must be an http:// or https:// address`);
  if (url.username !== "" || url.password !== "")
    throw new Failure("usage", `${named} must hold no user and no password`);
  // What is asked for is put behind it: two slashes at its beginning would name another host, and the token with it.
  url.pathname = url.pathname.replace(/^\/+/, "/");
  url.search = "";
  url.hash = "";
  return url;
}
