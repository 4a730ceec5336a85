import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { replayFrom } from "../../../src/cli/ledger-replay.ts";
import type { Canonical } from "../../../src/crypto/canonical-json.ts";
import { commit } from "../../../src/crypto/commitment.ts";
import { decide } from "../../../src/export-control/decide.ts";
import { rulebook } from "../../../src/export-control/rulebook.ts";
import type { Entry } from "../../../src/ledger/entry.ts";
import { bareFacts } from "../../support/bare-facts.ts";

const release = "9a0364b9-e99b-4bb5-b6cf-4e8a6b3f4d11";
const facts = bareFacts("2026-11-23T09:30:00.000Z");
const salt = Buffer.alloc(32, 5);
const commitment = commit(salt, facts as unknown as Canonical).toString("hex");
const decision = decide(facts, rulebook);

const entry: Entry = {
  index: 27,
  previous: "0".repeat(64),
  time: "2026-11-23T09:30:00.000Z",
  kind: decision.verdict === "hold" ? "release.held" : "release.denied",
  body: {
    release,
    evidence: commitment,
    decision: {
      verdict: decision.verdict,
      rulebook: decision.rulebook,
      checks: decision.checks.map(({ check, outcome }) => ({ check, outcome })),
    },
    licenses: decision.licenses,
  },
};

test("evidence that is longer than any can be is not read, and judges no decision", async () => {
  const folder = await mkdtemp(join(tmpdir(), "weightvault-replay-"));
  try {
    await mkdir(join(folder, "evidence"));
    const file = join(folder, "evidence", `${release}.json`);
    const text = JSON.stringify({ salt: salt.toString("hex"), facts, commitment, decision });
    await writeFile(file, text);
    expect(replayFrom(folder).replay(entry)).toBeNull();
    await writeFile(file, text.padEnd(16 * 2 ** 20 + 1));
    expect(replayFrom(folder).replay(entry)).toMatch(`release ${release}: `);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("evidence that an excerpt says it discloses and that is not there fails its decision, and none is asked for of the others", async () => {
  const folder = await mkdtemp(join(tmpdir(), "weightvault-replay-"));
  try {
    const { replay, counts } = replayFrom(folder, new Set([release]));
    expect(replay(entry)).toBe(
      `release ${release}: the excerpt names its evidence, and the file is missing`,
    );
    const other = { ...entry, body: { ...entry.body, release: release.replace("9", "8") } };
    expect(replay(other)).toBeNull();
    expect(counts).toEqual({ decisions: 2, held: 0, decidedAgain: 0 });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("evidence that lies in no folder but a file is not taken for evidence that nobody disclosed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "weightvault-replay-"));
  try {
    expect(replayFrom(folder).replay(entry)).toBeNull();
    await writeFile(join(folder, "evidence"), "");
    expect(replayFrom(folder).replay(entry)).toMatch(`release ${release}: `);
  } finally {
    await rm(folder, { recursive: true });
  }
});
