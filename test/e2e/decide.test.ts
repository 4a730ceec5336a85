import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { rulebook } from "../../src/export-control/rulebook.ts";
import {
  asks,
  base,
  license,
  nationalOf,
  runs,
  workload,
} from "../unit/export-control/builders.ts";
import { stating } from "../unit/export-control/policies/policy.ts";
import { bin, temporaryFolder, weightvault, weightvaultHere } from "./command.ts";
import { answer, bodyOf, serveHttp } from "./http-double.ts";

const nothing = { WEIGHTVAULT_TOKEN: undefined };

/** Decides facts written to a file of their own, with no server and no token. */
async function decide(facts: unknown, ...more: readonly string[]) {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "facts.json");
  await writeFile(file, typeof facts === "string" ? facts : JSON.stringify(facts));
  return await weightvaultHere(["decide", file, ...more], { env: nothing });
}

const indian = asks(nationalOf("IN"), { eccn: "3E001" });

test("a file of facts is decided offline, and exits 0 where it allows", async () => {
  const { code, stdout, stderr } = await decide(base, "--json");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const told = JSON.parse(stdout) as Record<string, unknown>;
  expect(told).toMatchObject({ verdict: "allow", at: base.at, rulebook: rulebook.digest });
  expect(told["checks"]).toHaveLength(26);
  expect(told["advice"]).toEqual({ ways: [], obstacles: [], isCut: false });
});

test.each([
  ["deny", indian],
  ["hold", { ...base, screening: null }],
])(
  "a verdict of %s exits 4, and names check, citation, evidence, rows and what would change it",
  async (verdict, facts) => {
    const { code, stdout, stderr } = await decide(facts, "--json");
    expect({ code, stderr }).toEqual({ code: 4, stderr: "" });
    const told = JSON.parse(stdout) as {
      checks: Record<string, unknown>[];
      advice: { ways: unknown[] };
    };
    expect(told).toMatchObject({ verdict });
    for (const check of told.checks)
      expect(check).toMatchObject({
        citation: expect.stringMatching(/\S/),
        rows: expect.any(Array),
        evidence: expect.any(Array),
      });
    expect(told.advice.ways.length).toBeGreaterThan(0);
  },
);

test("the same facts print the same bytes", async () => {
  const [one, other] = [await decide(indian), await decide(indian)];
  expect(other.stdout).toBe(one.stdout);
});

test("what is printed is a memo: heading, ids, instant, rulebook, verdict, what decided it, the rest, the law, what would change it", async () => {
  const { code, stdout } = await decide(indian);
  expect(code).toBe(4);
  const headings = stdout.split("\n").filter((line) => line.startsWith("#"));
  expect(headings).toEqual([
    "# Export decision: denied",
    "## Verdict",
    "## What decided it",
    "### deemed-export-ns: fail",
    "### deemed-export-mt: fail",
    "### deemed-export-np: fail",
    "## The other checks",
    "## The law cited",
    "## What would change it",
    "## Reservation",
  ]);
  for (const named of [
    "lab/frontier",
    "person-IN",
    "grant-1",
    base.at,
    rulebook.digest,
    rulebook.asOf,
  ])
    expect(stdout).toContain(named);
  expect(stdout).toContain("1. A BIS license that names lab/frontier, 3E001, person person-IN");
  expect(stdout).toContain('subject.person.citizenships[0].country = "IN"');
  expect(stdout).toContain("no legal advice");
});

test("a memo of an allowance names the license that it relies on, and no change", async () => {
  const facts = asks(nationalOf("IN"), { licenses: [license({ nationalities: ["IN"] })] });
  const { code, stdout } = await decide(facts);
  expect(code).toBe(0);
  expect(stdout).toContain("in reliance on license-1");
  expect(stdout).toContain("- covered by: license-1");
  expect(stdout).not.toContain("What would change it");
});

test("a memo says so where nothing lawful would change the verdict", async () => {
  const { stdout } = await decide(runs(workload({ ownership: "listed-owner-half-or-more" })));
  expect(stdout).toContain("Nothing that officers may lawfully do");
  expect(stdout).toContain("- ownership: Listed parties own half");
});

test("--memo writes what is printed, as Markdown", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "memo.md");
  const { stdout } = await decide(indian, "--memo", file);
  expect(await readFile(file, "utf8")).toBe(stdout);
});

test.each([
  ["2027-01-01", "2027-01-01T00:00:00.000Z", 4],
  ["2026-12-31T23:59:59Z", "2026-12-31T23:59:59.000Z", 0],
])("--at %s stands in for the facts' own instant", async (at, instant, code) => {
  const asked = {
    ...base,
    screening: base.screening === null ? null : { ...base.screening, maxAgeDays: null },
  };
  const ended = await decide(asked, "--at", at, "--json");
  expect(ended.code).toBe(code);
  expect(JSON.parse(ended.stdout)).toMatchObject({ at: instant });
});

test.each([
  ["what is no JSON", "{", "is not JSON"],
  ["what is no UTF-8 JSON object", "[]", "$: "],
  ["an unknown member", { ...base, nickname: "x" }, 'Unrecognized key: "nickname"'],
  [
    "a bad country deep inside",
    asks(nationalOf("india")),
    "subject.person.citizenships[0].country: ",
  ],
  ["a member left out", { ...base, screening: undefined }, "screening: "],
  ["more than a mebibyte", `${JSON.stringify(base)}${" ".repeat(1_048_576)}`, "more than 1 MiB"],
])("%s is refused as usage, with the place of what is wrong", async (_, facts, said) => {
  const { code, stdout, stderr } = await decide(facts);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain(said);
});

test("a file that is not there and a day that no month has are refused as usage", async () => {
  expect(await weightvaultHere(["decide", "/nonexistent/facts.json"])).toMatchObject({ code: 2 });
  expect(await decide(base, "--at", "2026-02-30")).toMatchObject({ code: 2, stdout: "" });
});

test("- reads the facts from standard input", async () => {
  const child = spawn(process.execPath, [bin, "decide", "-", "--json"], {
    env: { PATH: process.env["PATH"] },
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.end(JSON.stringify(base));
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) chunks.push(chunk);
  expect(JSON.parse(Buffer.concat(chunks).toString("utf8"))).toMatchObject({ verdict: "allow" });
});

test.each(["person", "workload"] as const)(
  "--template %s prints every member, and one that is filled in is decided",
  async (kind) => {
    const { code, stdout } = await weightvaultHere(["decide", "--template", kind]);
    expect(code).toBe(0);
    const skeleton = JSON.parse(stdout) as Record<string, unknown>;
    const older = kind === "person" ? indian : runs(workload());
    const whole = { ...stating(older, { regimes: null }), departure: { country: "US" } };
    expect(shapeOf(skeleton)).toEqual(shapeOf(whole));
    const empty = await decide(skeleton);
    expect(empty.code).toBe(2);
    expect(empty.stderr).toContain(`subject.${kind}.id: `);
  },
);

/** What is null as a whole in the facts compared with, and opened in a skeleton. */
const openedInSkeletons: readonly string[] = [
  "usPerson",
  "employment",
  "engagement",
  "verifications",
  "published",
  "computer",
];

/** The names of the members, whatever they hold; lists are left closed. */
function shapeOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      openedInSkeletons.includes(name) ? null : shapeOf(member),
    ]),
  );
}

test("with a principal the server simulates, and the answer reads as a memo of a simulation", async () => {
  const id = "11111111-1111-4111-8111-111111111111";
  const asked: unknown[] = [];
  await using server = await serveHttp(async (request, response) => {
    asked.push(request.url, JSON.parse((await bodyOf(request)).toString("utf8")));
    answer(response, 200, {
      simulation: true,
      decision: id,
      entry: { index: 12 },
      principal: id,
      person: id,
      workload: null,
      repository: "lab/model",
      verdict: "hold",
      at: base.at,
      rulebook: rulebook.digest,
      rulebookAsOf: rulebook.asOf,
      overrides: [],
      licenses: [],
      checks: [
        {
          check: "ownership",
          outcome: "unknown",
          citation: "90 FR 47201",
          reason: "Not known.",
          remedy: null,
          rows: [],
          licenses: [],
          exceptions: [],
        },
      ],
      advice: {
        ways: [[{ change: "record-ownership", kind: "question", sentence: "Who owns it?" }]],
        obstacles: [],
        isCut: false,
      },
    });
  });
  const argv = [
    "decide",
    "--principal",
    id,
    "--repository",
    "lab/model",
    "--country",
    "IN",
    "--at",
    "2026-11-23",
  ];
  const { code, stdout } = await weightvaultHere([...argv, "--url", server.url]);
  expect(code).toBe(4);
  expect(asked).toEqual([
    "/v1/decisions/simulate",
    {
      principal: id,
      repository: "lab/model",
      destination: { country: "IN" },
      at: "2026-11-23T00:00:00.000Z",
    },
  ]);
  expect(stdout).toContain(`${id}, entry 12`);
  expect(stdout).toContain("1. Who owns it?");
});

test.each([
  [["decide"]],
  [["decide", "facts.json", "--country", "IN"]],
  [["decide", "--repository", "lab/model", "--country", "IN"]],
])("%j is refused as usage", async (argv) => {
  expect(await weightvaultHere(argv)).toMatchObject({ code: 2, stdout: "" });
});

test.each([
  { licenses: [], at: "1970-01-01T00:00:00Z" },
  { licenses: [], principal: "x" },
  { license: [] },
])(
  "a file of supposed licenses has that member alone: %j is refused, and nothing asked",
  async (given) => {
    await using folder = await temporaryFolder();
    await using server = await serveHttp((_, response) => answer(response, 200, {}));
    const file = join(folder.path, "supposed.json");
    await writeFile(file, JSON.stringify(given));
    const principal = "6f1f2f5e-7a0e-4c58-9a34-0a1f5c3f8a11";
    const { code, stderr } = await weightvaultHere(
      ["decide", "--principal", principal, "--repository", "lab/model", "--country", "US"].concat(
        "--suppose",
        file,
      ),
      { env: { WEIGHTVAULT_URL: server.url } },
    );
    expect({ code, stderr, asked: server.asked }).toEqual({
      code: 2,
      stderr: `${file} must have the one member "licenses"\n`,
      asked: [],
    });
  },
);

test("an unfilled template is refused with what to write for a group of which nothing is known", async () => {
  const { stdout } = await weightvaultHere(["decide", "--template"], { env: nothing });
  const { code, stderr } = await decide(stdout);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: expect.stringContaining("A group of which nothing is known is null as a whole"),
  });
});

test("the installed command decides without a server or a token", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "facts.json");
  await writeFile(file, JSON.stringify(indian));
  expect(await weightvault(["decide", file], { env: nothing })).toMatchObject({ code: 4 });
});
