import { createHash } from "node:crypto";
import { expect, test } from "@jest/globals";
import { type Selection, Story, tell } from "../../../src/cli/ledger-story.ts";
import { storyText, traceLedger } from "../../../src/cli/ledger-trace.ts";
import { type Canonical, canonicalJson } from "../../../src/crypto/canonical-json.ts";
import { parseVerificationKey } from "../../../src/merkle/note.ts";
import {
  encodeAll,
  filesOf,
  fixedSigner,
  memorySource,
  type Recorded,
} from "../../vectors/ledger/build.ts";
import {
  beginning,
  committed,
  decided,
  delivered,
  digestOf,
  idOf,
  made,
  record,
} from "../../vectors/ledger/story.ts";

const signer = fixedSigner(7);
const [large, middle, small] = ["aurora/large", "aurora/middle", "aurora/small"].map(idOf) as [
  string,
  string,
  string,
];
const revisionOf = (name: string): string => digestOf(name).slice(0, 40);
const created = (repository: string): Recorded =>
  record("repository.created", { repository, ...made("training job") });
const base = { repository: large, revision: revisionOf("revision") };
const derived = (repository: string, name: string, bases: Canonical): Recorded =>
  record("revision.committed", {
    ...committed.body,
    repository,
    revision: revisionOf(name),
    manifest: digestOf(name),
    lineage: digestOf(`lineage of ${name}`),
    bases,
  });

/** The last revision's manifest, as the server answers it. */
const manifest = {
  revision: "set below",
  parent: null,
  message: "distilled",
  createdAt: "2026-01-01T00:00:00.000Z",
  createdBy: idOf("job"),
  files: [{ path: "w", size: 1, sha256: digestOf("w"), object: idOf("object") }],
  lineage: {
    bases: [{ repository: middle, revision: revisionOf("middle") }],
    run: { id: "run-17", system: "slurm", url: "https://runs.example/17" },
    code: { commit: revisionOf("code"), repository: "https://code.example/train" },
    datasets: [{ name: "corpus", sha256: digestOf("corpus") }],
  },
};
const { revision: _, ...stated } = manifest;
const smallDigest = createHash("sha256")
  .update(canonicalJson({ repository: small, ...stated }))
  .digest("hex");
const smallRevision = smallDigest.slice(0, 40);

const records: readonly Recorded[] = [
  ...beginning,
  decided("allowed", "of the base"),
  delivered("of the base"),
  created(middle),
  created(small),
  derived(middle, "unrelated", [base]),
  derived(middle, "middle", [base]),
  record("revision.signed", {
    repository: middle,
    revision: revisionOf("middle"),
    bundle: digestOf("bundle"),
    key: digestOf("key"),
    trust: "key",
    verdict: "verified",
    files: { covered: 2, ignored: 0 },
    ...made("training job"),
  }),
  record("revision.committed", {
    ...committed.body,
    repository: small,
    revision: smallRevision,
    manifest: smallDigest,
    lineage: digestOf("lineage"),
    bases: manifest.lineage.bases,
  }),
  decided("denied", "of the base again"),
];
const at = (wanted: (each: Recorded, index: number) => boolean): readonly number[] =>
  records.flatMap((each, index) => (wanted(each, index) ? [index] : []));
const ofBase = at(
  ({ kind, body }) =>
    body["revision"] === base.revision ||
    (kind === "release.delivered" && body["release"] === idOf("of the base")),
);
const ofMiddle = at(({ body }) => body["revision"] === revisionOf("middle"));
const ofSmall = at(({ body }) => body["revision"] === smallRevision);

async function trace(noun: "object" | "revision", id: string, given?: unknown, last?: number) {
  const manifests = given === undefined ? [] : [{ name: "given", manifest: given }];
  const selection = { thing: { noun, id }, from: null, until: null, manifests };
  return await traceOf(records, selection, last);
}

async function traceOf(of: readonly Recorded[], selection: Selection, last?: number) {
  const key = parseVerificationKey(signer.verificationKey);
  if (key === null) throw new Error("the signer has no key");
  const source = memorySource(await filesOf(encodeAll(of), signer));
  const pinned = { key, text: signer.verificationKey, isPinned: true, rotations: [] };
  return (await traceLedger(source, pinned, { selection, last })).traced;
}

test("a revision's story walks to its bases, theirs, and their releases, in the order of the ledger", async () => {
  const traced = await trace("revision", smallRevision);
  expect(traced).toMatchObject({ verified: true, lineage: null });
  expect(traced.entries.map(({ index }) => index)).toEqual(
    [...ofBase, ...ofMiddle, ...ofSmall].toSorted((one, other) => one - other),
  );
  expect(traced.bases).toEqual([`${middle}@${revisionOf("middle")}`, `${large}@${base.revision}`]);
  expect(traced.count).toBe(traced.entries.length);
});

test("a story goes up from what was asked for, not down to what was made from it", async () => {
  const traced = await trace("revision", base.revision);
  expect(traced.entries.map(({ index }) => index)).toEqual(ofBase);
  expect(traced.bases).toEqual([]);
});

test("an object's story tells the run, the code and the data sets of its revision's manifest", async () => {
  const traced = await trace("object", idOf("object"), { ...manifest, revision: smallRevision });
  expect(traced.lineage).toEqual(manifest.lineage);
  expect(traced.entries.map(({ index }) => index)).toEqual(
    (await trace("revision", smallRevision)).entries.map(({ index }) => index),
  );
  const text = storyText(traced).split("\n");
  expect(text.slice(0, 4)).toEqual([
    "training run run-17 in slurm <https://runs.example/17>",
    `code commit ${revisionOf("code")} of https://code.example/train`,
    `data set corpus, SHA-256 ${digestOf("corpus")}`,
    `made from ${middle}@${revisionOf("middle")}, ${large}@${base.revision}, whose entries follow too`,
  ]);
  expect(text.at(-2)).toContain(`bases ${middle}@${revisionOf("middle")}`);
});

test("a manifest that was never committed tells nothing, however it is told", async () => {
  const lied = { ...manifest, lineage: { ...manifest.lineage, run: { id: "run-18" } } };
  await expect(trace("object", idOf("object"), lied)).rejects.toMatchObject({ exit: "notFound" });
  await expect(trace("revision", smallRevision, lied)).rejects.toMatchObject({ exit: "notFound" });
  const { lineage: _lineage, ...bare } = manifest;
  await expect(trace("object", idOf("object"), bare)).rejects.toMatchObject({ exit: "notFound" });
});

test("only the newest entries of a long story are kept, and all are counted", async () => {
  const traced = await trace("revision", smallRevision, undefined, 2);
  expect(traced.entries).toHaveLength(2);
  expect(traced.count).toBe(ofBase.length + ofMiddle.length + ofSmall.length);
  expect(storyText(traced)).toContain("older entries are not shown");
});

test("an object's story has the hand-outs of its key and what was found of it, and no other object's", () => {
  const object = idOf("object");
  const thing = { noun: "object", id: object } as const;
  const story = new Story({
    thing,
    manifests: [{ name: "given", manifest }],
    from: null,
    until: null,
  });
  const takes = (kind: string, id: string) =>
    story.takes({
      index: 0,
      previous: "",
      time: "2026-01-01T00:00:00.000Z",
      kind,
      body: { object: id },
    });
  const kinds = ["upload.key-released", "object.declared", "object.proved", "object.refuted"];
  expect(kinds.map((kind) => takes(kind, object))).toEqual(kinds.map(() => true));
  expect(kinds.map((kind) => takes(kind, idOf("other")))).toEqual(kinds.map(() => false));
});

/** A revision of the object, its commit, and a release of it by name. */
function sharing(message: string) {
  const { lineage: _lineage, revision: _revision, ...bare } = manifest;
  const stated = { ...bare, message };
  const digest = createHash("sha256")
    .update(canonicalJson({ repository: small, ...stated }))
    .digest("hex");
  const revision = digest.slice(0, 40);
  const body = { ...committed.body, repository: small, revision, manifest: digest };
  const name = `release of ${message}`;
  const released = decided("allowed", name, { repository: small, revision });
  const entries = [record("revision.committed", body), released, name] as const;
  return { stated, revision, entries };
}

/** Three revisions of one repository, each has a release, and the object was refuted between them. */
function shared() {
  const [one, two, three] = [sharing("one"), sharing("two"), sharing("three")];
  const [commitOne, releaseOne, nameOne] = one.entries;
  const [commitTwo, releaseTwo, nameTwo] = two.entries;
  const [commitThree, releaseThree, nameThree] = three.entries;
  const of: readonly Recorded[] = [
    ...beginning,
    created(small),
    commitOne,
    releaseOne,
    commitTwo,
    record("object.refuted", { object: idOf("object") }),
    commitThree,
    releaseTwo,
    releaseThree,
    delivered(nameOne),
    delivered(nameTwo),
    delivered(nameThree),
  ];
  const key = (revision: string) => `${small}@${revision}`;
  return { of, one, two, three, key, first: beginning.length + 1 };
}

async function sharedTrace(
  of: readonly Recorded[],
  manifests: readonly { readonly name: string; readonly manifest: unknown }[],
) {
  const thing = { noun: "object", id: idOf("object") } as const;
  return await traceOf(of, { thing, from: null, until: null, manifests });
}

test("an object's story tells all revisions that are named, each release under its revision, and what it could not look into", async () => {
  const { of, one, two, three, key, first } = shared();
  const given = [
    { name: "lab/small@one", manifest: one.stated },
    { name: "two.json", manifest: two.stated },
    { name: "two again", manifest: two.stated },
    { name: "lied.json", manifest: { ...two.stated, message: "another" } },
  ];
  const traced = await sharedTrace(of, given);
  expect(traced.revisions).toEqual([
    {
      revision: key(one.revision),
      named: "lab/small@one",
      lineage: null,
      entries: [first, first + 1, first + 7],
    },
    {
      revision: key(two.revision),
      named: "two.json",
      lineage: null,
      entries: [first + 2, first + 5, first + 8],
    },
  ]);
  expect(traced.entries.map(({ index }) => index - first)).toEqual([0, 1, 2, 3, 5, 7, 8]);
  expect(traced.notLookedInto).toEqual([
    "no entry commits lied.json, of which nothing is told",
    `other revisions that hold the object have releases of their own, and whether 1 revision of its repository does was not looked into: ${key(three.revision)}`,
    expect.stringContaining("which objects of its revision each release was of"),
  ]);
  const lines = storyText(traced).split("\n");
  const headings = lines.filter((line) => !line.startsWith("  "));
  expect(headings).toEqual([
    `revision ${key(one.revision)} (lab/small@one): 3 entries`,
    `revision ${key(two.revision)} (two.json): 3 entries`,
    "of the object itself, and of what it was made from:",
  ]);
  expect(lines[3]).toContain("release delivered");
  expect(lines.at(-1)).toContain("object refuted");
});

test("of an object whose revisions are all named, no other is said to be left out", async () => {
  const { of, one, two, three } = shared();
  const given = [one, two, three].map(({ stated }, at) => ({ name: `${at}`, manifest: stated }));
  const { notLookedInto, revisions } = await sharedTrace(of, given);
  expect([revisions.length, notLookedInto.length]).toEqual([3, 1]);
});

test("a text of an entry begins no line that no entry tells", () => {
  const reason = "x\n7  2026-01-01T00:00:00.000Z  release denied\u2028\u001b[1A";
  const entry = {
    index: 6,
    previous: "",
    time: "2026-01-01T00:00:00.000Z",
    kind: "release.failed",
  };
  expect(tell({ ...entry, body: { release: "r\t", reason } })).toBe(
    "6  2026-01-01T00:00:00.000Z  release failed: release r\ufffd; reason x\ufffd7  2026-01-01T00:00:00.000Z  release denied\ufffd\ufffd[1A",
  );
});

test("a text of a manifest, or the name of a base or a revision, begins no line that no entry tells", () => {
  const forged = "x\n7  2026-01-01T00:00:00.000Z  release denied";
  const lineage = { run: { id: forged }, datasets: [{ name: forged, sha256: digestOf("corpus") }] };
  const revision = { revision: forged, named: forged, lineage, entries: [] };
  const told = { verified: true, size: 1, count: 0, entries: [], bases: [forged], lineage };
  for (const revisions of [[], [revision, revision]])
    expect(storyText({ ...told, revisions, notLookedInto: [] })).not.toMatch(/^7 /m);
});

test("a manifest is digested for those commits alone that name its parent, and once for a repository", () => {
  const parent = revisionOf("parent");
  let read = 0;
  const given = {
    ...stated,
    parent,
    get files() {
      read += 1;
      return stated.files;
    },
  };
  const thing = { noun: "object" as const, id: idOf("object") };
  const manifests = [{ name: "m", manifest: given }];
  const story = new Story({ thing, from: null, until: null, manifests });
  const before = read;
  const take = (repository: string, of: string | null): boolean => {
    const body = { ...committed.body, repository: idOf(repository), parent: of };
    const at = { index: 0, previous: "", time: "2026-01-01T00:00:00.000Z" };
    return story.takes({ ...at, kind: "revision.committed", body });
  };
  for (let each = 0; each < 100; each += 1) expect(take(`other/${each}`, null)).toBe(false);
  expect(read - before).toBe(0);
  for (const repository of ["one", "two", "one", "two"]) take(repository, parent);
  expect(read - before).toBe(2);
});
