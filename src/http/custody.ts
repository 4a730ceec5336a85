import { z } from "zod";
import { beginRotation, custodyStatus } from "../vault/rotate.ts";
import { route } from "./route.ts";
import { date, givenInstant, id, json } from "./schema.ts";

const kek = z.string().describe("A key-encryption key's id.");

const rotation = z.strictObject({
  id,
  kek,
  state: z.enum(["running", "finished", "superseded"]),
  begunAt: givenInstant,
  endedAt: givenInstant.nullable(),
  rewrapped: z.int().describe("Keys that it re-wrapped so far."),
  left: z.int().describe("Keys that are under another key-encryption key now."),
  rejected: z.int().describe("Of those, the ones that do not open in their context."),
  restorableUntil: date
    .nullable()
    .describe(
      "Until when a backup of before its end needs the older key-encryption keys; null while it runs and where WEIGHTVAULT_BACKUP_RETENTION_DAYS is not set.",
    ),
});

export const custodyRoutes = [
  route({
    method: "post",
    path: "/v1/custody/rotations",
    roles: ["operator"],
    summary:
      "Begin to re-wrap every data key under the primary key-encryption key, in the background; a soft custodian makes a new one",
    answers: { 201: json("The rotation.", { rotation: id, kek, keys: z.int() }) },
    handle: async ({ caller, services: { vault } }) => ({
      status: 201,
      json: await beginRotation(vault, caller),
    }),
  }),
  route({
    method: "get",
    path: "/v1/custody",
    roles: ["operator", "auditor"],
    summary: "Which key-encryption keys are in use, and how far the newest rotation is",
    answers: {
      200: json("The primary of this node, and the keys under each.", {
        kek,
        keks: z.array(z.strictObject({ kek, objects: z.int(), persons: z.int(), terms: z.int() })),
        rewrapsPerSecond: z.int(),
        rotation: rotation.nullable(),
      }),
    },
    handle: async ({ services: { vault } }) => {
      const { uses, rotation: newest, ...status } = await custodyStatus(vault);
      const keks = uses.map(({ kek: under, object, person, term }) => ({
        kek: under,
        objects: object,
        persons: person,
        terms: term,
      }));
      const counted =
        newest === null
          ? null
          : {
              ...newest,
              rewrapped: Number(newest.rewrapped),
              rejected: Number(newest.rejected),
            };
      return { status: 200, json: { ...status, keks, rotation: counted } };
    },
  }),
];
