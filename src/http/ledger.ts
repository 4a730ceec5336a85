import { z } from "zod";
import { Refusal } from "../errors.ts";
import { cosignedCheckpoint } from "../ledger/cosigned.ts";
import { newestCheckpoint } from "../ledger/receipt.ts";
import { isWithin, readTile } from "../ledger/tiles.ts";
import { parseTilePath } from "../merkle/tile.ts";
import { publicRoute, route } from "./route.ts";
import { json } from "./schema.ts";

/** The ledger as C2SP tlog-tiles serves a log, for auditors. */
export const ledgerRoutes = [
  publicRoute({
    method: "get",
    path: "/v1/ledger/key",
    summary: "The key that checkpoints are verified with, to be pinned by other means",
    answers: {
      200: json("The key and the ledger's origin.", {
        verificationKey: z.string(),
        origin: z.string(),
      }),
    },
    handle: async ({ services: { verificationKey, origin } }) => ({
      status: 200,
      json: { verificationKey, origin },
    }),
  }),
  route({
    method: "get",
    path: "/ledger/checkpoint",
    roles: ["auditor"],
    summary: "The newest signed checkpoint, with the cosignatures that it has",
    answers: { 200: { description: "A signed note.", content: "text/plain" } },
    handle: async ({ services: { vault }, res }) => {
      const checkpoint = await cosignedCheckpoint(vault.database.db);
      if (checkpoint === null) throw new Refusal("not_found", "no checkpoint was signed yet");
      res.setHeader("Content-Type", "text/plain; charset=utf-8");
      res.setHeader("Cache-Control", "private, max-age=1");
      res.status(200).end(checkpoint.note);
      return null;
    },
  }),
  route({
    method: "get",
    path: "/ledger/tile/{tile...}",
    roles: ["auditor"],
    summary: "A tile of hashes, or a bundle of entries",
    params: z.strictObject({ tile: z.string() }),
    answers: { 200: { description: "The tile.", content: "application/octet-stream" } },
    handle: async ({ params, services: { vault }, res }) => {
      const tile = parseTilePath(`tile/${params.tile}`);
      const checkpoint = await newestCheckpoint(vault.database.db);
      if (tile === null || checkpoint === null || !isWithin(tile, checkpoint.size))
        throw new Refusal("not_found", "the newest checkpoint covers no such tile");
      const bytes = await readTile(vault.database.db, tile);
      if (bytes === null) throw new Error(`the stored ledger lacks the tile ${params.tile}`);
      res.setHeader("Content-Type", "application/octet-stream");
      res.setHeader("Cache-Control", "private, max-age=31536000, immutable");
      res.status(200).end(bytes);
      return null;
    },
  }),
];
