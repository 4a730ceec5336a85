import { readTile, type TileSource } from "../ledger/source.ts";
import { encodeAddCheckpoint } from "../merkle/add-checkpoint.ts";
import { parseBundle } from "../merkle/bundle.ts";
import type { Checkpoint } from "../merkle/checkpoint.ts";
import { rememberingJoins } from "../merkle/joined-nodes.ts";
import {
  consistencyProof,
  inclusionProof,
  readTiles,
  treeRoot,
  verifyInclusion,
} from "../merkle/proof.ts";
import { type Tile, tileWidth } from "../merkle/tile.ts";
import { encodeTlogProof } from "../merkle/tlog-proof.ts";
import { leafHash } from "../merkle/tree.ts";
import { Failure } from "./failure.ts";
import type { LedgerKey } from "./ledger-key.ts";

/** Makes proofs against one checkpoint. Neighbours share their bundle; hashes are fetched once. */
export class Prover {
  readonly #source: TileSource;
  readonly #key: LedgerKey;
  readonly #checkpoint: Checkpoint;
  readonly #note: string;
  readonly #read: ReturnType<typeof readTiles>;
  readonly #join = rememberingJoins();
  #bundle: { readonly number: number; readonly entries: Promise<readonly Buffer[]> } | null = null;

  constructor(source: TileSource, key: LedgerKey, checkpoint: Checkpoint, note: Buffer) {
    this.#source = source;
    this.#key = key;
    this.#checkpoint = checkpoint;
    this.#note = note.toString("utf8");
    this.#read = readTiles(checkpoint.size, async (tile) => await this.#tile(tile));
  }

  /** Throws `integrity` where the ledger's tiles do not make the checkpoint's root. */
  async proveTree(): Promise<void> {
    const { size, root } = this.#checkpoint;
    if (!(await treeRoot(size, this.#read)).equals(root))
      throw new Failure("integrity", `the ledger does not have the root that is signed at ${size}`);
  }

  async prove(index: number): Promise<{ readonly entry: Buffer; readonly proof: string }> {
    const { size, root } = this.#checkpoint;
    const entry = await this.#entry(index);
    const hashes = await inclusionProof(index, size, this.#read);
    const [leaf, join] = [leafHash(entry), this.#join];
    if (!verifyInclusion({ index, size, leaf, proof: hashes, root, join }))
      throw new Failure("integrity", `entry ${index} is not the one in the signed ledger`);
    return { entry, proof: encodeTlogProof({ index, hashes, checkpoint: this.#note }) };
  }

  /** How the checkpoint grew from the tree of that size, as a witness would be told. */
  async proveGrowth(oldSize: number): Promise<string> {
    const proof = await this.proveConsistency(oldSize);
    return encodeAddCheckpoint({ oldSize, proof, checkpoint: this.#note });
  }

  async proveConsistency(oldSize: number): Promise<readonly Buffer[]> {
    return await consistencyProof(oldSize, this.#checkpoint.size, this.#read);
  }

  async #entry(index: number): Promise<Buffer> {
    const number = Math.floor(index / tileWidth);
    // Those who are proved side by side wait for one reading of their bundle.
    if (this.#bundle?.number !== number)
      this.#bundle = { number, entries: this.#entriesOf(number) };
    const entry = (await this.#bundle.entries)[index % tileWidth];
    if (entry === undefined)
      throw new Failure("integrity", `the ledger's bundle lacks entry ${index}`);
    return entry;
  }

  async #entriesOf(number: number): Promise<readonly Buffer[]> {
    const width = Math.min(tileWidth, this.#checkpoint.size - number * tileWidth);
    return parseBundle(await this.#tile({ level: "entries", number, width })) ?? [];
  }

  async #tile(tile: Tile): Promise<Buffer> {
    const bytes = await readTile(this.#source, this.#key.key, tile);
    if (bytes === null)
      throw new Failure("integrity", "the ledger lacks a tile that its checkpoint covers");
    return bytes;
  }
}
