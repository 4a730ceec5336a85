import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Request, Response } from "express";
import { z } from "zod";
import { Refusal } from "../errors.ts";
import { cosignedCheckpoint } from "../ledger/cosigned.ts";
import { newestCheckpoint } from "../ledger/receipt.ts";
import { allReigns } from "../ledger/reigns.ts";
import { checkpointHeaders, type ServedHeaders, tileHeaders } from "../ledger/served-headers.ts";
import { isWithin, readCovered } from "../ledger/tiles.ts";
import { algorithmOf } from "../merkle/key-algorithm.ts";
import { encodeVerificationKey, parseVerificationKey } from "../merkle/note.ts";
import { parseTilePath } from "../merkle/tile.ts";
import { targetPath } from "./path.ts";
import { publicRoute, route, type Services } from "./route.ts";
import { json } from "./schema.ts";

const compress = promisify(gzip);

const areTilesPublic = ({ ledgerPublic }: Services): boolean => ledgerPublic !== "none";
const areEntriesPublic = ({ ledgerPublic }: Services): boolean => ledgerPublic === "entries";

const signingKey = z.object({
  verificationKey: z.string(),
  algorithm: z
    .enum(["ed25519", "ecdsa-p256"])
    .describe("What it signs with: signature type 01 or 02 of C2SP signed-note."),
  firstSize: z.int().describe("The smallest size of a checkpoint that it may have signed."),
  lastSize: z.int().nullable().describe("The largest; null for the key that signs now."),
  statement: z
    .string()
    .nullable()
    .describe("The signed note by which the key before named it; null for the first."),
});

/**
 * The ledger as C2SP tlog-tiles serves a log: for auditors, and for everybody as far as the operator has opened it. A partial tile is
 * served for ever, also when a full one has superseded it: receipts name checkpoints of every size.
 */
export const ledgerRoutes = [
  publicRoute({
    method: "get",
    path: "/v1/ledger/key",
    summary: "The keys that checkpoints are verified with, to be pinned by other means",
    answers: {
      200: json("The key that signs now, the ledger's origin, and all its keys, oldest first.", {
        verificationKey: z.string(),
        origin: z.string(),
        keys: z.array(signingKey),
        mlDsaKeys: z
          .array(z.string())
          .describe("Keys that sign each checkpoint as well: ML-DSA-44, C2SP tlog-cosignature."),
      }),
    },
    handle: async ({ services: { vault, verificationKey, mlDsaKeys, origin } }) => {
      const own = parseVerificationKey(verificationKey);
      const reigns = own === null ? [] : await allReigns(vault.database.db, own);
      const keys = reigns.map(({ key, firstSize, lastSize, statement }) => ({
        verificationKey: encodeVerificationKey(key.name, key.publicKey),
        algorithm: algorithmOf(key.publicKey),
        firstSize,
        lastSize: Number.isFinite(lastSize) ? lastSize : null,
        statement,
      }));
      const ruling = keys.at(-1)?.verificationKey ?? verificationKey;
      return { status: 200, json: { verificationKey: ruling, origin, keys, mlDsaKeys } };
    },
  }),
  route({
    method: "get",
    path: "/ledger/checkpoint",
    roles: ["auditor"],
    isOpen: areTilesPublic,
    summary: "The newest signed checkpoint, with the cosignatures that it has",
    answers: { 200: { description: "A signed note.", content: "text/plain" } },
    handle: async ({ services, res }) => {
      const checkpoint = await cosignedCheckpoint(services.vault.database.db);
      if (checkpoint === null) throw new Refusal("not_found", "no checkpoint was signed yet");
      send(res, Buffer.from(checkpoint.note, "utf8"), {
        isPublic: areTilesPublic(services),
        headers: checkpointHeaders,
      });
      return null;
    },
  }),
  route({
    method: "get",
    path: "/ledger/tile/entries/{tile...}",
    roles: ["auditor"],
    isOpen: areEntriesPublic,
    summary: "A bundle of entries",
    params: z.strictObject({ tile: z.string() }),
    answers: { 200: { description: "The bundle.", content: "application/octet-stream" } },
    handle: async ({ services, req, res }) => {
      const bytes = await tileAt(req, services);
      res.setHeader("Vary", "Accept-Encoding");
      const isPacked = req.acceptsEncodings("gzip", "identity") === "gzip";
      if (isPacked) res.setHeader("Content-Encoding", "gzip");
      sendTile(res, isPacked ? await compress(bytes) : bytes, areEntriesPublic(services));
      return null;
    },
  }),
  route({
    method: "get",
    path: "/ledger/tile/{tile...}",
    roles: ["auditor"],
    isOpen: areTilesPublic,
    summary: "A tile of hashes",
    params: z.strictObject({ tile: z.string() }),
    answers: { 200: { description: "The tile.", content: "application/octet-stream" } },
    handle: async ({ services, req, res }) => {
      sendTile(res, await tileAt(req, services), areTilesPublic(services));
      return null;
    },
  }),
];

/** One tile has one address, so the one that was sent counts, not what it decodes to. */
async function tileAt(req: Request, { vault }: Services): Promise<Buffer> {
  const tile = parseTilePath(targetPath(req.originalUrl).replace(/^\/ledger\//, ""));
  const { db } = vault.database;
  const checkpoint = tile === null ? null : await newestCheckpoint(db);
  if (tile === null || checkpoint === null || !isWithin(tile, checkpoint.size))
    throw new Refusal("not_found", "the newest checkpoint covers no such tile");
  return await readCovered(db, tile);
}

function sendTile(res: Response, bytes: Buffer, isPublic: boolean): void {
  send(res, bytes, { isPublic, headers: tileHeaders });
}

function send(
  res: Response,
  bytes: Buffer,
  { isPublic, headers }: { readonly isPublic: boolean; readonly headers: ServedHeaders },
): void {
  res.setHeader("Content-Type", headers.contentType);
  res.setHeader("Cache-Control", `${isPublic ? "public" : "private"}, ${headers.cacheControl}`);
  res.setHeader("Content-Length", bytes.length);
  res.status(200).end(bytes);
}
