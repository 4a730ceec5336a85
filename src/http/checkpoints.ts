import { z } from "zod";
import { readSeries } from "../ledger/series.ts";
import { route } from "./route.ts";
import { json } from "./schema.ts";

/** A response of a time-stamping authority has a few kilobytes, so that a page stays within some megabytes. */
const longestPage = 256;

/** Every checkpoint that was signed, for auditors: a series in which one that is missing is found. */
export const checkpointRoutes = [
  route({
    method: "get",
    path: "/v1/ledger/checkpoints",
    roles: ["auditor"],
    summary: "The checkpoints that were signed, with their cosignatures and timestamps",
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(longestPage).default(64),
      after: z.coerce
        .number()
        .int()
        .min(0)
        .max(Number.MAX_SAFE_INTEGER)
        .optional()
        .describe("The size of the last checkpoint of the page before: this page has larger ones."),
      only: z
        .literal("stamped")
        .optional()
        .describe("Only those that a time-stamping authority stamped."),
    }),
    answers: {
      200: json("By their sizes; as many as `limit`, while there are larger ones.", {
        checkpoints: z.array(
          z.strictObject({
            size: z.int().min(0).describe("How many entries it covers."),
            checkpoint: z.string().describe("The signed note, with the cosignatures it has."),
            timestamp: z
              .string()
              .nullable()
              .describe("DER of an RFC 3161 TimeStampResp about the note's text, base64."),
          }),
        ),
      }),
    },
    handle: async ({ query: { limit, after = null, only }, services: { vault } }) => {
      const isStamped = only === "stamped";
      const series = await readSeries(vault.database.db, { after, limit, isStamped });
      const checkpoints = series.map(({ size, note, timestamp }) => ({
        size,
        checkpoint: note,
        timestamp: timestamp?.toString("base64") ?? null,
      }));
      return { status: 200, json: { checkpoints } };
    },
  }),
];
