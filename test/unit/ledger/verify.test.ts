import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { isRefusal, Refusal } from "../../../src/errors.ts";
import { type FindingCode, findingCodes } from "../../../src/ledger/findings.ts";
import { folderSource } from "../../../src/ledger/source-folder.ts";
import { type Report, type VerifyOptions, verifyLedger } from "../../../src/ledger/verify.ts";
import { encodeBundle, parseBundle } from "../../../src/merkle/bundle.ts";
import {
  encodeAll,
  type Files,
  filesOf,
  fixedSigner,
  memorySource,
  type Recorded,
} from "../../vectors/ledger/build.ts";
import { record, story } from "../../vectors/ledger/story.ts";

const signer = fixedSigner(7);
const impostor = fixedSigner(8);
const entries = encodeAll(story());
const files = await filesOf(entries, signer);
const bundlePath = "tile/entries/000";

async function verify(
  subject: ReadonlyMap<string, Buffer>,
  options: Partial<VerifyOptions> = {},
): Promise<Report> {
  return verifyLedger(memorySource(subject), {
    verificationKey: signer.verificationKey,
    ...options,
  });
}

const errorsOf = (report: Report): readonly FindingCode[] => [
  ...new Set(
    report.findings.filter(({ severity }) => severity === "error").map(({ code }) => code),
  ),
];

/** A copy of the ledger with one file changed, or removed where the change gives null. */
function changed(path: string, change: (bytes: Buffer) => Buffer | null): Files {
  const copy = new Map(files);
  const before = files.get(path);
  if (before === undefined) throw new Error(`the ledger has no ${path}`);
  const after = change(Buffer.from(before));
  if (after === null) copy.delete(path);
  else copy.set(path, after);
  return copy;
}

const flip =
  (at: number) =>
  (bytes: Buffer): Buffer => {
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return bytes;
  };

const rebundle =
  (change: (entries: Buffer[]) => Buffer[]) =>
  (bytes: Buffer): Buffer =>
    encodeBundle(change(parseBundle(bytes) ?? []));

const swap = (list: Buffer[]): Buffer[] => {
  const [one, two] = list.slice(100, 102);
  return one === undefined || two === undefined ? list : list.toSpliced(100, 2, two, one);
};

test("the committed ledger verifies with its public key alone, and is what its program makes", async () => {
  const folder = fileURLToPath(new URL("../../vectors/ledger/small", import.meta.url));
  const verificationKey = readFileSync(`${folder}/vkey`, "utf8");
  const report = await verifyLedger(folderSource(folder), { verificationKey });
  expect(report).toMatchObject({
    origin: "vault.example/ledger",
    size: 300,
    rootHex: "d6b112c79839a011173b77d0af521ef1344d6e8f350079d1f0c85abf48b76d8c",
    verified: true,
    errors: 0,
    notices: 3,
    releases: {
      allowed: 139,
      denied: 1,
      held: 1,
      delivered: 135,
      failed: 1,
      abandoned: 1,
      unknown: 1,
      open: 1,
    },
  });
  expect(report.findings.map(({ code, index }) => [code, index])).toEqual([
    ["release_abandoned", 22],
    ["release_unknown", 24],
    ["release_open", 298],
  ]);
  expect(report.counts["release.allowed"]).toBe(139);
  for (const [path, bytes] of files) expect(readFileSync(`${folder}/${path}`)).toEqual(bytes);
});

/** Changes to the files by someone without the key. Every code that must be among the errors is named. */
const tampered: readonly (readonly [
  string,
  () => Promise<Files> | Files,
  readonly FindingCode[],
])[] = [
  [
    "one byte of an entry changed",
    () => changed(bundlePath, flip(70_000)),
    ["leaf_mismatch", "root_mismatch", "tile_mismatch", "chain_broken"],
  ],
  [
    "one byte of the last entry changed",
    () => changed("tile/entries/001.p/44", (bytes) => flip(bytes.length - 30)(bytes)),
    ["leaf_mismatch", "root_mismatch"],
  ],
  [
    "an entry deleted",
    () =>
      changed(
        bundlePath,
        rebundle((list) => list.toSpliced(100, 1)),
      ),
    ["entries_malformed"],
  ],
  [
    "an entry deleted, and the last one put in twice in its place",
    () =>
      changed(
        bundlePath,
        rebundle((list) => [...list.toSpliced(100, 1), ...list.slice(-1)]),
      ),
    ["index_mismatch", "chain_broken", "leaf_mismatch", "root_mismatch"],
  ],
  [
    "two entries reordered",
    () => changed(bundlePath, rebundle(swap)),
    ["index_mismatch", "chain_broken", "leaf_mismatch", "root_mismatch"],
  ],
  [
    "an entry put in that is none",
    () =>
      changed(
        bundlePath,
        rebundle((list) => list.toSpliced(100, 1, Buffer.from("{}"))),
      ),
    ["entry_malformed", "leaf_mismatch", "root_mismatch"],
  ],
  ["a bundle missing", () => changed(bundlePath, () => null), ["entries_missing"]],
  [
    "the tail of a bundle missing",
    () => changed(bundlePath, (bytes) => bytes.subarray(0, bytes.length - 1)),
    ["entries_malformed"],
  ],
  [
    "bytes after the end of a bundle",
    () => changed(bundlePath, (bytes) => Buffer.concat([bytes, Buffer.of(0)])),
    ["entries_malformed"],
  ],
  [
    "the tail truncated under the newest checkpoint",
    async () =>
      new Map([...(await filesOf(entries.slice(0, 280), signer)), ...onlyCheckpoint(files)]),
    ["entries_missing"],
  ],
  ["a leaf hash changed in its tile", () => changed("tile/0/000", flip(3_200)), ["leaf_mismatch"]],
  ["a higher tile changed", () => changed("tile/1/000.p/1", flip(0)), ["tile_mismatch"]],
  ["a higher tile missing", () => changed("tile/1/000.p/1", () => null), ["tile_missing"]],
  ["a leaf tile missing", () => changed("tile/0/001.p/44", () => null), ["tile_missing"]],
  [
    "a leaf tile cut short",
    () => changed("tile/0/000", (bytes) => bytes.subarray(0, 255 * 32)),
    ["tile_mismatch"],
  ],
  [
    "a higher tile with a hash too many",
    () => changed("tile/1/000.p/1", (bytes) => Buffer.concat([bytes, Buffer.alloc(32)])),
    ["tile_mismatch"],
  ],
  ["the checkpoint missing", () => changed("checkpoint", () => null), ["checkpoint_missing"]],
  [
    "the checkpoint emptied",
    () => changed("checkpoint", () => Buffer.alloc(0)),
    ["checkpoint_malformed"],
  ],
  [
    "the checkpoint's size changed",
    () =>
      changed("checkpoint", (bytes) => Buffer.from(bytes.toString().replace("\n300\n", "\n299\n"))),
    ["checkpoint_forged"],
  ],
  [
    "the checkpoint signed by another key of the same name",
    async () => new Map([...files, ...onlyCheckpoint(await filesOf(entries, impostor))]),
    ["checkpoint_unsigned"],
  ],
  [
    "the checkpoint signed by another key under this key's id",
    async () => {
      const forged = onlyCheckpoint(await filesOf(entries, impostor))
        .get("checkpoint")
        ?.toString();
      const id = Buffer.from(signer.verificationKey.split("+")[1] ?? "", "hex");
      const [head = "", encoded = ""] = forged?.split(/ (?=[^ ]+\n$)/u) ?? [];
      const signature = Buffer.from(encoded, "base64").subarray(4);
      const bytes = Buffer.from(`${head} ${Buffer.concat([id, signature]).toString("base64")}\n`);
      return new Map([...files, ["checkpoint", bytes]]);
    },
    ["checkpoint_forged"],
  ],
  [
    "the checkpoint of another log of the same key",
    async () => filesOf(entries, signer, "vault.example/another"),
    ["origin_mismatch"],
  ],
];

function onlyCheckpoint(from: Files): Files {
  return new Map([...from].filter(([path]) => path === "checkpoint"));
}

test.each(tampered)("%s is found", async (_, tamper, codes) => {
  const report = await verify(await tamper());
  expect(report.verified).toBe(false);
  expect(errorsOf(report)).toEqual(expect.arrayContaining([...codes]));
});

test("a changed entry is named by its index, as is the entry whose chain breaks on it", async () => {
  const report = await verify(
    changed(
      bundlePath,
      rebundle((list) => list.with(100, flip(40)(Buffer.from(list[100] ?? [])))),
    ),
  );
  const named = report.findings.map(({ code, index }) => `${code} ${index}`);
  expect(named).toContain("leaf_mismatch 100");
  expect(named).toContain("chain_broken 101");
});

test("every flipped byte of a sample from every file is found", async () => {
  for (const [path, bytes] of files) {
    const step = path === "checkpoint" ? 3 : Math.ceil(bytes.length / 12);
    for (let at = 0; at < bytes.length; at += step) {
      const report = await verify(changed(path, flip(at)));
      expect([path, at, report.verified]).toEqual([path, at, false]);
    }
  }
});

/** The operator's own key signs these: what gives them away is the checkpoint that somebody kept. */
const rewritten = story().map((recorded, index) =>
  index === 50 ? record("revision.committed", { revision: "x" }) : recorded,
);

const kept: readonly (readonly [string, Promise<Files>, Promise<Files>, FindingCode | null])[] = [
  [
    "grown from the older one",
    filesOf(entries, signer),
    filesOf(entries.slice(0, 130), signer),
    null,
  ],
  [
    "grown from a whole tile",
    filesOf(entries, signer),
    filesOf(entries.slice(0, 256), signer),
    null,
  ],
  ["grown from nothing", filesOf(entries, signer), filesOf([], signer), null],
  ["the same as the older one", filesOf(entries, signer), filesOf(entries, signer), null],
  ["rolled back", filesOf(entries.slice(0, 280), signer), filesOf(entries, signer), "rolled_back"],
  ["emptied", filesOf([], signer), filesOf(entries, signer), "rolled_back"],
  ["forked", filesOf(encodeAll(rewritten), signer), filesOf(entries, signer), "fork"],
  [
    "rewritten",
    filesOf(encodeAll(rewritten), signer),
    filesOf(entries.slice(0, 130), signer),
    "history_rewritten",
  ],
  [
    "held against a checkpoint of another key",
    filesOf(entries, signer),
    filesOf(entries, impostor),
    "older_checkpoint_invalid",
  ],
];

test.each(kept)("a ledger that is %s", async (_, present, older, code) => {
  const olderCheckpoint = (await older).get("checkpoint") ?? "";
  const errors = errorsOf(await verify(await present, { olderCheckpoint }));
  if (code === null) expect(errors).toEqual([]);
  else expect(errors).toContain(code);
});

test("a rewritten ledger cannot be told without an older checkpoint", async () => {
  const report = await verify(await filesOf(encodeAll(rewritten), signer));
  expect(errorsOf(report)).not.toContain("chain_broken");
  expect(errorsOf(report)).not.toContain("root_mismatch");
});

test("an empty ledger verifies", async () => {
  const report = await verify(await filesOf([], signer));
  expect(report).toMatchObject({ verified: true, size: 0, findings: [], counts: {} });
});

test.each([1, 255, 256, 257])(
  "a ledger of %d entries verifies, and reports its progress",
  async (size) => {
    const progress: unknown[] = [];
    const report = await verify(await filesOf(entries.slice(0, size), signer), {
      onProgress: (step) => progress.push(step),
    });
    expect(report).toMatchObject({ verified: true, size });
    expect(progress.at(-1)).toEqual({ verified: size, size });
  },
);

test("a log of 65,537 other entries verifies as opaque, and a hash on its third level does not pass", async () => {
  const others = Array.from({ length: 65_537 }, (_, index) => Buffer.from(`other ${index}`));
  const log = await filesOf(others, signer);
  expect((await verify(log, { entries: "opaque" })).verified).toBe(true);
  const third = log.get("tile/2/000.p/1");
  log.set("tile/2/000.p/1", flip(0)(Buffer.from(third ?? [])));
  const report = await verify(log, { entries: "opaque" });
  expect(report.findings.map(({ message }) => message)).toEqual([
    "tile/2/000.p/1 is not the tile that the entries make",
  ]);
});

test("a log of other entries never passes for ours", async () => {
  const log = await filesOf([Buffer.from("other")], signer);
  expect(errorsOf(await verify(log))).toEqual(["entry_malformed"]);
});

test("an outage is thrown and never a finding", async () => {
  for (const path of ["checkpoint", "tile/entries/001.p/44", "tile/0/000", "tile/1/000.p/1"]) {
    const source = memorySource(files);
    const outage = async (asked: string): Promise<void> => {
      if (asked === path) throw new Refusal("ledger_unavailable", "The ledger is away.");
    };
    const failing = {
      checkpoint: async () => outage("checkpoint").then(() => source.checkpoint()),
      tile: async (asked: string) => outage(asked).then(() => source.tile(asked)),
    };
    const thrown = await verifyLedger(failing, {
      verificationKey: signer.verificationKey,
    }).catch((error: unknown) => error);
    expect(isRefusal(thrown, "ledger_unavailable")).toBe(true);
  }
});

test("a key that is none is refused", async () => {
  const thrown = await verify(files, { verificationKey: "vault.example+0+0" }).catch(
    (error: unknown) => error,
  );
  expect(isRefusal(thrown, "invalid_request")).toBe(true);
});

test("findings are capped, errors and notices apart, and all are counted", async () => {
  const many: Recorded[] = Array.from({ length: 1_500 }, (_, index) =>
    record("release.delivered", { release: `r${index}`, bytes: 1 }),
  );
  const report = await verify(await filesOf(encodeAll([...many, record("new.kind")]), signer));
  expect(report.errors).toBe(1_500);
  expect(report.findings).toHaveLength(1_001);
  expect(report.findings.at(-1)?.code).toBe("unknown_kind");
});

test("what an entry holds cannot reach the terminal of who reads the report", async () => {
  const hostile = record("release.delivered", {
    release: `\u001b[2J${"x".repeat(9_000)}`,
    bytes: 1,
  });
  const [finding] = (await verify(await filesOf(encodeAll([hostile]), signer))).findings;
  expect(finding?.message).not.toMatch(/\p{Cc}/u);
  expect(finding?.message.length).toBeLessThanOrEqual(500);
});

test("unknown kinds are notices, counted by kind", async () => {
  const some = [record("moon.landed"), record("moon.landed"), record("vault.initialized")];
  const report = await verify(await filesOf(encodeAll(some), signer));
  expect(report.verified).toBe(true);
  expect(report.counts).toEqual({ "moon.landed": 2, "vault.initialized": 1 });
  expect(report.findings.map(({ code, message }) => [code, message])).toEqual([
    ["unknown_kind", "2 entries of the unknown kind moon.landed"],
  ]);
});

test("a ledger cannot fill the memory with kinds", async () => {
  const name = (number: number): string =>
    String(number).replaceAll(/\d/g, (digit) => "abcdefghij".charAt(Number(digit)));
  const many = Array.from({ length: 1_200 }, (_, index) => record(`x.${name(index)}`));
  const report = await verify(await filesOf(encodeAll(many), signer));
  expect(Object.keys(report.counts)).toHaveLength(1_001);
  expect(report.counts["other"]).toBe(200);
});

test("what a replay of the decisions finds is an error", async () => {
  const report = await verify(files, {
    replay: ({ kind }) => (kind === "release.held" ? "the rulebook denies it" : null),
  });
  expect(report.findings.filter(({ code }) => code === "replay_differs")).toEqual([
    { severity: "error", code: "replay_differs", index: 18, message: "the rulebook denies it" },
  ]);
  expect(findingCodes.replay_differs).toBe("error");
});
