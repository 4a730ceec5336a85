import { encodeAddCheckpoint } from "../../src/merkle/add-checkpoint.ts";
import { signCheckpoint } from "../../src/merkle/checkpoint.ts";
import { consistencyProof, readTiles, treeRoot } from "../../src/merkle/proof.ts";
import { tilePath } from "../../src/merkle/tile.ts";
import { leafHash } from "../../src/merkle/tree.ts";
import { tilesFrom } from "../unit/merkle/growing-log.ts";
import { freshSigner, type TestSigner } from "../unit/merkle/signed-texts.ts";

/** A log of made-up entries under a key of its own, at every size up to its own. */
export class SignedLog {
  readonly #tiles: (size: number) => ReadonlyMap<string, Buffer>;
  readonly #signer: TestSigner;

  /** Logs with one signer and other forks have the same first entries, up to `forksAt`. */
  constructor({
    name = "vault.example/ledger",
    signer = freshSigner(name),
    fork = "a",
    forksAt = 0,
  }: {
    readonly name?: string;
    readonly signer?: TestSigner;
    readonly fork?: string;
    readonly forksAt?: number;
  } = {}) {
    this.#signer = signer;
    const leaf = (at: number) => leafHash(Buffer.from(`${at < forksAt ? "" : fork} ${at}`));
    this.#tiles = (size) => tilesFrom(Array.from({ length: size }, (_, at) => leaf(at)));
  }

  get key() {
    return this.#signer.key;
  }

  get signer() {
    return this.#signer;
  }

  #read(size: number) {
    const tiles = this.#tiles(size);
    return readTiles(size, async (tile) => {
      const bytes = tiles.get(tilePath(tile));
      if (bytes === undefined) throw new Error(`no tile ${tilePath(tile)}`);
      return bytes;
    });
  }

  async checkpoint(size: number): Promise<string> {
    const root = await treeRoot(size, this.#read(size));
    return await signCheckpoint({ origin: this.key.name, size, root }, this.#signer.signer);
  }

  async proof(oldSize: number, size: number): Promise<readonly Buffer[]> {
    return await consistencyProof(oldSize, size, this.#read(size));
  }

  /** The whole body of an add-checkpoint. */
  async growth(oldSize: number, size: number): Promise<string> {
    const proof = await this.proof(oldSize, size);
    return encodeAddCheckpoint({ oldSize, proof, checkpoint: await this.checkpoint(size) });
  }
}
