import { z } from "zod";
import { Refusal } from "../errors.ts";
import { newestTimestamp } from "../ledger/timestamping.ts";
import { route } from "./route.ts";
import { json } from "./schema.ts";

/** What a time-stamping authority said of the ledger, for auditors. */
export const timestampRoutes = [
  route({
    method: "get",
    path: "/v1/ledger/timestamp",
    roles: ["auditor"],
    summary: "The newest checkpoint that a time-stamping authority stamped",
    answers: {
      200: json("The checkpoint, and the authority's answer about its text.", {
        size: z.int(),
        checkpoint: z.string(),
        response: z.string().describe("DER of an RFC 3161 TimeStampResp, base64."),
      }),
    },
    handle: async ({ services: { vault } }) => {
      const newest = await newestTimestamp(vault.database.db);
      if (newest === null) throw new Refusal("not_found", "no checkpoint was stamped yet");
      const { size, checkpoint, response } = newest;
      return { status: 200, json: { size, checkpoint, response: response.toString("base64") } };
    },
  }),
];
