import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CosignatureAlgorithm, Cosigner } from "../../src/merkle/cosignature.ts";
import { encodeCosignerKey } from "../../src/merkle/cosignature.ts";
import type { VerificationKey } from "../../src/merkle/note.ts";
import { serveWitness } from "../../src/witness/server.ts";
import { WitnessState } from "../../src/witness/state.ts";
import { Witness, type WitnessAnswer } from "../../src/witness/witness.ts";
import { freshCosigner } from "../unit/merkle/signed-texts.ts";

export type TestWitness = AsyncDisposable & {
  readonly url: string;
  readonly witness: Witness;
  readonly cosigner: Cosigner;
  /** The line of a policy that names it, as `name`. */
  readonly line: (name: string) => string;
  readonly answers: WitnessAnswer[];
  readonly failures: unknown[];
  /** What it does instead of answering; null answers. */
  refuses: RequestListener | null;
};

export type TestWitnessOptions = {
  readonly name?: string;
  readonly algorithm?: CosignatureAlgorithm;
  readonly logs: readonly VerificationKey[];
  readonly now?: () => Date;
};

/** A real witness on a free loopback port, with its memory in a folder of its own, behind a door that a test can shut. */
export async function startWitness({
  name = "witness.example/w1",
  algorithm = "ed25519",
  logs,
  now = () => new Date(1_795_400_000_000),
}: TestWitnessOptions): Promise<TestWitness> {
  const folder = await mkdtemp(join(tmpdir(), "weightvault-witness-"));
  const state = WitnessState.make(join(folder, "witness.sqlite"), name);
  const cosigner = freshCosigner(name, algorithm);
  const witness = new Witness({ state, cosigner, logs, now });
  const [answers, failures]: [WitnessAnswer[], unknown[]] = [[], []];
  const server = await serveWitness(witness, {
    host: "127.0.0.1",
    port: 0,
    onAnswer: (answer) => answers.push(answer),
    onFailure: (error) => failures.push(error),
  });
  const started: TestWitness = {
    url: "",
    witness,
    cosigner,
    line: (as) => `witness ${as} ${encodeCosignerKey(cosigner.key)} ${door.url}\n`,
    answers,
    failures,
    refuses: null,
    [Symbol.asyncDispose]: async () => {
      await door.close();
      await server.stop();
      state.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  const door = await serveHere((request, response) => {
    if (started.refuses !== null) started.refuses(request, response);
    else forward(server.url)(request, response);
  });
  return Object.assign(started, { url: door.url });
}

/** Serves a listener on a free loopback port. */
export async function serveHere(
  listener: RequestListener,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = new Promise((resolve) => {
        server.close(resolve);
      });
      server.closeAllConnections();
      await closed;
    },
  };
}

function forward(url: string): RequestListener {
  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "GET" } = request;
      const body = method === "POST" ? { body: Buffer.concat(chunks) } : {};
      fetch(`${url}${request.url ?? ""}`, { method, ...body }).then(
        async (answer) => {
          response.writeHead(answer.status, {
            "content-type": answer.headers.get("content-type") ?? "",
          });
          response.end(await answer.text());
        },
        () => response.destroy(),
      );
    });
  };
}
