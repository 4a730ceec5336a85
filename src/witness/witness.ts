import {
  type AddCheckpoint,
  parseAddCheckpoint,
  sizeContentType,
} from "../merkle/add-checkpoint.ts";
import { type Checkpoint, parseCheckpoint } from "../merkle/checkpoint.ts";
import { type Cosigner, cosign } from "../merkle/cosignature.ts";
import {
  encodeNote,
  type Note,
  parseNote,
  type VerificationKey,
  verifyNote,
} from "../merkle/note.ts";
import { verifyConsistency } from "../merkle/proof.ts";
import { emptyRoot } from "../merkle/tree.ts";
import type { Held, WitnessState } from "./state.ts";

/** An answer of the protocol, and what the operator's log should say of it. */
export type WitnessAnswer = {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422;
  readonly body: string;
  readonly contentType: string;
  readonly origin?: string;
  readonly size?: number;
  /** Two checkpoints that the log signed and that contradict each other, or seem to. */
  readonly suspicion?: { readonly held: string; readonly shown: string };
};

export type WitnessOptions = {
  readonly state: WitnessState;
  readonly cosigner: Cosigner;
  /** The keys of the logs that are witnessed; a key's name is its log's origin. */
  readonly logs: readonly VerificationKey[];
  readonly now: () => Date;
};

type Asked = {
  readonly request: AddCheckpoint;
  readonly note: Note;
  readonly checkpoint: Checkpoint;
};

/**
 * A witness of transparency logs, as C2SP tlog-witness describes one: it cosigns a checkpoint only after it has proved that the log grew to it
 * from the one before, and after its memory of that is durable. Requests are answered one after the other, so that no two of them are held
 * against the same old tree.
 */
export class Witness {
  readonly #options: WitnessOptions;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: WitnessOptions) {
    this.#options = options;
  }

  /** Answers one `add-checkpoint`. Throws where the memory or the key cannot be used; nothing is cosigned then. */
  async addCheckpoint(body: Uint8Array): Promise<WitnessAnswer> {
    const answer = this.#last.then(async () => await this.#answer(body));
    this.#last = answer.catch(() => undefined);
    return await answer;
  }

  async #answer(body: Uint8Array): Promise<WitnessAnswer> {
    const request = parseAddCheckpoint(body);
    const note = request === null ? null : parseNote(request.checkpoint);
    const checkpoint = note === null ? null : parseCheckpoint(note.text);
    if (request === null || note === null || checkpoint === null)
      return refuse(400, "the request is not an old size, a proof and a checkpoint");
    const { origin } = checkpoint;
    const keys = this.#options.logs.filter(({ name }) => name === origin);
    if (keys.length === 0) return refuse(404, "the log is not witnessed here");
    if (!keys.some((key) => verifyNote(note, key) === "verified"))
      return refuse(403, "no key of the log signed the checkpoint");
    const answer = await this.#judge({ request, note, checkpoint });
    return { ...answer, origin, size: checkpoint.size };
  }

  /** The log has signed what it shows; what is wrong with it from here on speaks against the log. */
  async #judge({ request, note, checkpoint }: Asked): Promise<WitnessAnswer> {
    const { origin, size, root } = checkpoint;
    const held = this.#options.state.held(origin);
    const old = held ?? { size: 0, root: Buffer.from(emptyRoot) };
    if (request.oldSize > size) return refuse(400, "the old size is larger than the checkpoint's");
    if (request.oldSize !== old.size) return conflict(old.size);
    const shown = encodeNote(note);
    const suspicion = held === null ? {} : { suspicion: { held: held.checkpoint, shown } };
    if (size === old.size && !root.equals(old.root)) return { ...conflict(old.size), ...suspicion };
    const { proof } = request;
    if (!verifyConsistency({ oldSize: old.size, oldRoot: old.root, size, root, proof }))
      return { ...refuse(422, "the proof does not lead to the checkpoint"), ...suspicion };
    return await this.#cosign({ note, shown, checkpoint, held });
  }

  async #cosign(proved: {
    readonly note: Note;
    readonly shown: string;
    readonly checkpoint: Checkpoint;
    readonly held: Held | null;
  }): Promise<WitnessAnswer> {
    const { note, shown, checkpoint, held } = proved;
    const { state, cosigner, now } = this.#options;
    const { origin, size, root } = checkpoint;
    // A clock that steps back must not make an older statement of a newer tree.
    const timestamp = Math.max(Math.floor(now().getTime() / 1_000), held?.cosignedAt ?? 0);
    state.record(origin, { size, root, checkpoint: shown, cosignedAt: timestamp });
    const cosignature = await cosign(note.text, cosigner, timestamp);
    const body = encodeNote({ text: "", signatures: [cosignature] }).slice(1);
    return { status: 200, body, contentType: "text/plain; charset=utf-8" };
  }
}

function refuse(status: 400 | 403 | 404 | 422, why: string): WitnessAnswer {
  return { status, body: `${why}\n`, contentType: "text/plain; charset=utf-8" };
}

function conflict(heldSize: number): WitnessAnswer {
  return { status: 409, body: `${heldSize}\n`, contentType: sizeContentType };
}
