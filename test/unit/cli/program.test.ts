import { PassThrough } from "node:stream";
import { expect, test } from "@jest/globals";
import type { Command } from "commander";
import { buildProgram, run } from "../../../src/cli/program.ts";
import { noServer } from "../../support/no-server.ts";

function context() {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  return {
    env: {},
    stdout,
    stderr,
    ...noServer,
    serve: async () => 0,
    migrate: async () => 3,
    custody: async () => 3,
  };
}

function leaves(command: Command, path: readonly string[] = []): (readonly [string, Command])[] {
  if (command.commands.length === 0) return [[path.join(" "), command]];
  return command.commands.flatMap((child) => leaves(child, [...path, child.name()]));
}

const commands = leaves(buildProgram(context()));

test("every command that the design names is there", () => {
  const standing = (noun: string) =>
    ["suspend", "reinstate", "revoke"].map((verb) => `${noun} ${verb}`);
  expect(commands.map(([name]) => name).sort()).toEqual(
    [
      "init",
      "recover",
      "witness init",
      "witness serve",
      ...["init", "check", "rotate", "status"].map((verb) => `custody ${verb}`),
      "decide",
      ...["create", "list", "show", "revoke"].map((verb) => `token ${verb}`),
      ...["create", "list", "policy", "show"].map((verb) => `repository ${verb}`),
      "upload",
      "download",
      ...["attach", "list", "save"].map((verb) => `signature ${verb}`),
      ...["revision", "release", "verify"].map((verb) => `statement ${verb}`),
      ...["check", "propose", "show", "approve", "list"].map((verb) => `classify ${verb}`),
      ...["add", "list", "show", "update", "erase"].map((verb) => `person ${verb}`),
      ...["add", "list", "show"].flatMap((verb) => [`entity ${verb}`, `workload ${verb}`]),
      ...["add", "activate", "rider", "list", "show"].map((verb) => `license ${verb}`),
      ...["add", "list"].map((verb) => `grant ${verb}`),
      ...["propose", "approve", "withdraw", "list", "show"].map((verb) => `override ${verb}`),
      "risk",
      ...["person", "entity", "workload", "license", "grant"].flatMap(standing),
      ...["list", "show", "receipt", "evidence"].map((verb) => `release ${verb}`),
      ...["search", "export", "verify", "note"].map((verb) => `records ${verb}`),
      ...["place", "lift", "list"].map((verb) => `hold ${verb}`),
      ...["propose", "approve"].map((verb) => `shred ${verb}`),
      ...["verify", "export", "show", "trace", "monitor", "rebuild", "rotate-key"].map(
        (verb) => `ledger ${verb}`,
      ),
      "serve",
      "migrate",
    ].sort(),
  );
});

test.each(commands)("%s has --json and a description of everything", (_, command) => {
  expect(command.options.map(({ long }) => long)).toContain("--json");
  expect(command.description()).not.toBe("");
  for (const { description } of [...command.options, ...command.registeredArguments])
    expect(description).not.toBe("");
});

test.each(commands)("%s explains itself with --help and ends with 0", async (name) => {
  const given = context();
  expect(await run(given, [...name.split(" "), "--help"])).toBe(0);
  expect(String(given.stdout.read())).toContain(`Usage: weightvault ${name}`);
});

test.each(commands)("%s takes no token on the command line", (_, command) => {
  const tokenOptions = command.options.filter(({ long }) =>
    /token|secret|password/.test(long ?? ""),
  );
  for (const { long, required, optional } of tokenOptions)
    expect(long?.endsWith("-file") === true || !(required || optional)).toBe(true);
  expect(command.registeredArguments.map((argument) => argument.name())).not.toContain("token");
});

test.each([
  [[]],
  [["token"]],
  [["nonsense"]],
  [["token", "revoke"]],
  [["token", "revoke", "no-uuid"]],
  [["token", "list", "excess"]],
  [["repository", "create", "no-slash"]],
  [["download", "lab/model", "--unknown"]],
  [["upload", "lab/model", "file", "--parent", "main"]],
  [["grant", "add", "--valid-until", "tomorrow"]],
  [["classify", "propose", "lab/model", "--eccn", "4E091", "--basis", "guess"]],
  [["classify", "propose", "lab/model", "--basis", "self"]],
  [["classify", "propose", "lab/model", "--basis", "self", "--eccn", "4E091", "--weights", "x"]],
  [["classify", "check"]],
  [["classify", "check", "--datasheet", "/nonexistent.yaml"]],
  [["person", "add", "--name", "N", "--us-person", "--not-us-person"]],
  [["person", "add", "--name", "N", "--citizenship", "de:1990-01-01"]],
  [["token", "list", "--timeout", "0"]],
])("%j is a usage error and ends with 2", async (argv) => {
  expect(await run(context(), argv)).toBe(2);
});

test("without a token a command ends with 3 and asks nobody", async () => {
  const given = context();
  expect(await run(given, ["token", "list", "--url", "http://192.0.2.1"])).toBe(3);
  expect(String(given.stderr.read())).toContain("WEIGHTVAULT_TOKEN_FILE");
});

test.each(["ftp://host", "host", "http://user:secret@host"])(
  "an address like %s is a usage error, and what it holds is not repeated",
  async (url) => {
    const given = context();
    expect(await run(given, ["token", "list", "--url", url])).toBe(2);
    expect(String(given.stderr.read())).not.toContain("secret");
  },
);

test("serve and migrate end as the server ends", async () => {
  expect(await run(context(), ["serve"])).toBe(0);
  expect(await run(context(), ["migrate"])).toBe(1);
});

test("the ledger's key has one name in every command that takes it", () => {
  const spelled = commands.flatMap(([name, { options }]) =>
    options
      .filter(({ description }) => description.includes("WEIGHTVAULT_LEDGER_KEY"))
      .map(({ flags }) => [name, flags]),
  );
  expect(spelled.length).toBeGreaterThan(12);
  expect(spelled.filter(([, flags]) => flags !== "--ledger-key <key>")).toEqual([]);
});
