import { z } from "zod";

const mostBases = 64;
const mostDatasets = 256;

function plainText(most: number) {
  return z
    .string()
    .min(1)
    .max(most)
    .refine((value) => value.isWellFormed() && !value.includes("\0"), {
      message: "must be well-formed Unicode without NUL",
    });
}

/** An address without a password in it: what is stated here is kept for ever. */
function address(...protocols: readonly string[]) {
  return plainText(2_000).refine(
    (value) => {
      const url = URL.parse(value);
      if (url === null || !protocols.includes(url.protocol) || url.password !== "") return false;
      return url.username === "" || url.protocol === "ssh:";
    },
    { message: `must be a URL (${protocols.join(" or ")}) without user or password` },
  );
}

const revisionId = z.string().regex(/^[0-9a-f]{40}$/, "must be 40 hexadecimal digits");

function isDistinct<Item>(items: readonly Item[], keyOf: (item: Item) => string): boolean {
  return new Set(items.map(keyOf)).size === items.length;
}

/** The parts of a lineage that are the same as a client states them and as a manifest keeps them. */
const made = {
  /** The training run: its id in the system that ran it. */
  run: z
    .strictObject({
      id: plainText(200),
      system: plainText(200).exactOptional(),
      url: address("https:", "http:").exactOptional(),
    })
    .exactOptional(),
  /** The commit of the training code: a git object id of SHA-1 or SHA-256. */
  code: z
    .strictObject({
      commit: z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/, "must be 40 or 64 hex digits"),
      repository: address("https:", "http:", "ssh:", "git:"),
    })
    .exactOptional(),
  datasets: z
    .array(
      z.strictObject({
        name: plainText(200),
        sha256: z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hexadecimal digits"),
      }),
    )
    .min(1)
    .max(mostDatasets)
    .refine((datasets) => isDistinct(datasets, ({ name }) => name), {
      message: "names a data set twice",
    })
    .exactOptional(),
};

function isStated(lineage: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(lineage).length > 0;
}

/** What a revision was made from, as a client states it: base revisions by the names of their repositories. What is not known is left out. */
export const lineageForm = z
  .strictObject({
    bases: z
      .array(
        z.strictObject({
          repository: z
            .string()
            .regex(/^[A-Za-z0-9._-]{1,96}\/[A-Za-z0-9._-]{1,96}$/, "must be namespace/name"),
          revision: revisionId,
        }),
      )
      .min(1)
      .max(mostBases)
      .refine((bases) => isDistinct(bases, (base) => `${base.repository}@${base.revision}`), {
        message: "names a base twice",
      })
      .exactOptional(),
    ...made,
  })
  .refine(isStated, { message: "states nothing" });

/** The same as a manifest keeps it: base revisions by the ids of their repositories, as ledger entries name them. */
export const keptLineageForm = z
  .strictObject({
    bases: z
      .array(z.strictObject({ repository: z.uuid(), revision: revisionId }))
      .min(1)
      .max(mostBases)
      .exactOptional(),
    ...made,
  })
  .refine(isStated, { message: "states nothing" });

export type StatedLineage = z.output<typeof lineageForm>;
export type Lineage = z.output<typeof keptLineageForm>;

/** A revision that another was made from. */
export type Base = { readonly repository: string; readonly revision: string };
