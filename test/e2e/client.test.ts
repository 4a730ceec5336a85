import { spawn } from "node:child_process";
import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { createClient, getRange, putAt } from "../../src/cli/client.ts";
import { bin, temporaryFolder, token, weightvault, weightvaultHere } from "./command.ts";
import { answer, bodyOf, type Handler, problem, serveHttp } from "./http-double.ts";
import { signer } from "./release-double.ts";

async function ask(
  handle: Handler,
  args: readonly string[] = ["token", "list"],
  command = weightvaultHere,
) {
  await using server = await serveHttp(handle);
  const ended = await command(args, { env: { WEIGHTVAULT_URL: server.url } });
  return { ...ended, asked: server.asked };
}

const decision = {
  verdict: "hold",
  checks: [
    { check: "grant", outcome: "pass", citation: "c", reason: "r", remedy: null },
    {
      check: "nationality",
      outcome: "unknown",
      citation: "15 CFR 734.13(b)",
      reason: "No citizenship is known.",
      remedy: "State the citizenships.",
    },
  ],
};

test("a server that cannot serve now ends with 7", async () => {
  const { code } = await ask(
    (_, response) => problem(response, 503, "ledger_unavailable"),
    undefined,
    weightvault,
  );
  expect(code).toBe(7);
});

test("a refused connection ends with 7", async () => {
  const closed = createTcpServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => closed.once("listening", resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  const env = { WEIGHTVAULT_URL: `http://127.0.0.1:${port}` };
  const { code, stderr, stdout } = await weightvault(["token", "list", "--json"], { env });
  expect({ code, json: JSON.parse(stdout) }).toMatchObject({
    code: 7,
    json: { code: "unavailable", detail: expect.stringContaining("cannot be reached") },
  });
  expect(stderr).toContain("cannot be reached");
});

test.each(["2027-02-31", "2027-02-30T10:00:00Z", "2027-13-01", "tomorrow"])(
  "a grant's end of %s is no time, and nothing is asked",
  async (until) => {
    const grant = ["grant", "add", "--principal", "6f1f2f5e-7a0e-4c58-9a34-0a1f5c3f8a11"];
    const rest = ["--repository", "lab/model", "--purpose", "evaluation", "--valid-until", until];
    const { code, stderr, asked } = await ask(() => {}, [...grant, ...rest]);
    expect({ code, asked }).toEqual({ code: 2, asked: [] });
    expect(stderr).toContain("YYYY-MM-DD");
  },
);

test.each([
  [["token", "list", "--timeout", "0"], 2, "usage"],
  [["token", "list", "--unheard-of"], 2, "usage"],
  [["upload", "lab/model", "/absent/folder"], 1, "failed"],
  [["ledger", "verify", "/absent/folder", "--ledger-key", signer.verificationKey], 1, "failed"],
  [["ledger", "verify", "/absent/folder"], 2, "usage"],
  [["grant", "add", "--json"], 2, "usage"],
] as const)(
  "with --json, %j that fails here says so in one document on stdout",
  async (args, exit, name) => {
    const { code, stdout } = await ask(() => {}, [...args, "--json"]);
    expect({ code, json: JSON.parse(stdout) }).toMatchObject({
      code: exit,
      json: { code: name, detail: expect.stringMatching(/./) },
    });
  },
);

test("a token that is given as an argument is refused, and not repeated", async () => {
  const text = `wv_${"aB3-_".repeat(9).slice(0, 43)}`;
  for (const args of [
    ["token", "list", text],
    ["token", "list", "--token", text],
    ["token", "list", `--token=${text}`],
    [text],
    ["repository", "show", text],
    ["init", "--bootstrap-token-file", text.replace("wv_", "wvb_"), "--name", "A"],
  ]) {
    const { code, stdout, stderr } = await ask(() => {}, args);
    expect([1, 2]).toContain(code);
    expect(stdout + stderr).not.toContain(text.slice(3));
    expect(stderr).not.toBe("");
  }
});

test("a server that says nothing ends with 7 after the timeout", async () => {
  const { code, stderr } = await ask(() => {}, ["token", "list", "--timeout", "1"]);
  expect(code).toBe(7);
  expect(stderr).toMatch(/silent for 1 second\b/);
});

test("a connection that breaks off within the answer ends with 7", async () => {
  const { code } = await ask((_, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": 100 });
    response.write("{", () => response.destroy());
  });
  expect(code).toBe(7);
});

test.each([
  [401, "not_authenticated", 3],
  [403, "role_missing", 1],
  [404, "not_found", 5],
  [409, "conflict", 1],
  [500, "internal", 1],
] as const)(
  "an answer %i %s: title, detail and remedy on stderr, and %i",
  async (status, name, exit) => {
    const { code, stderr, stdout } = await ask((_, response) => problem(response, status, name));
    expect({ code, stdout }).toEqual({ code: exit, stdout: "" });
    expect(stderr).toContain(`The title of ${name}: the detail of ${name}`);
    expect(stderr).toContain(`The remedy of ${name}.`);
  },
);

test("with --json a problem document goes to stdout too", async () => {
  const { stdout } = await ask(
    (_, response) => problem(response, 409, "conflict"),
    ["token", "list", "--json"],
  );
  expect(JSON.parse(stdout)).toMatchObject({ code: "conflict", status: 409 });
});

test.each(["release_denied", "release_held"])(
  "%s ends with 4 and names what stands in the way",
  async (name) => {
    const { code, stderr } = await ask(
      (request, response) =>
        request.url === "/v1/ledger/key"
          ? answer(response, 200, {
              verificationKey: signer.verificationKey,
            })
          : problem(response, 403, name, { decision, release: "a-release" }),
      ["download", "lab/model"],
      weightvaultHere,
    );
    expect(code).toBe(4);
    expect(stderr).toContain("nationality: unknown [15 CFR 734.13(b)]. No citizenship is known.");
    expect(stderr).toContain("what would change it: State the citizenships.");
    expect(stderr).not.toContain("grant: pass");
  },
);

test("an answer of something that is no vault ends with 1", async () => {
  const { code } = await ask((_, response) =>
    response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
  );
  expect(code).toBe(1);
});

test("a redirect is not followed, so the token stays with its host", async () => {
  const { code, asked } = await ask((_, response) =>
    response.writeHead(307, { location: "/elsewhere" }).end(),
  );
  expect({ code, asked }).toEqual({ code: 1, asked: ["GET /v1/tokens"] });
});

test("an address whose path begins with two slashes names no other host", async () => {
  await using server = await serveHttp((_, response) => response.end("sealed"));
  await using other = await serveHttp((_, response) => response.end("stolen"));
  const { signal } = new AbortController();
  const path = `//${new URL(other.url).host}/part%2F1?X-Signature=a%2Bb//c`;
  for (const url of [server.url, `${server.url}/`, `${server.url}//`]) {
    const client = createClient({ url: new URL(url), token: null, timeoutMs: 5_000, signal });
    const body = { headers: {}, sizeBytes: 4, source: [Buffer.from("part")] };
    await putAt(client, path, body);
    const response = await getRange(client, path, { start: 0, end: 6, totalBytes: 6 });
    response.destroy();
  }
  expect(other.asked).toEqual([]);
  expect(new Set(server.asked)).toEqual(new Set([`PUT ${path}`, `GET ${path}`]));
});

test("an argument cannot name another route", async () => {
  const { code, asked } = await ask(
    (_, response) => answer(response, 200, {}),
    ["repository", "show", "../tokens"],
  );
  expect({ code, asked }).toEqual({ code: 2, asked: [] });
});

test("the token comes from the file that is named, else from the environment", async () => {
  const given: (string | undefined)[] = [];
  await using folder = await temporaryFolder();
  const file = join(folder.path, "token");
  await writeFile(file, "wv_from_file\n", { mode: 0o600 });
  await using server = await serveHttp((request, response) => {
    given.push(request.headers.authorization);
    answer(response, 200, { tokens: [] });
  });
  const env = { WEIGHTVAULT_URL: server.url };
  await weightvaultHere(["token", "list", "--token-file", file], { env });
  await weightvaultHere(["token", "list"], { env });
  await weightvaultHere(["token", "list"], {
    env: { ...env, WEIGHTVAULT_TOKEN: "", WEIGHTVAULT_TOKEN_FILE: file },
  });
  expect(given).toEqual(["Bearer wv_from_file", `Bearer ${token}`, "Bearer wv_from_file"]);
});

test("a token file that others may read gets a warning", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "token");
  await writeFile(file, "wv_from_file");
  await using server = await serveHttp((_, response) => answer(response, 200, { tokens: [] }));
  for (const [mode, warns] of [
    [0o644, true],
    [0o640, true],
    [0o600, false],
  ] as const) {
    await chmod(file, mode);
    const { code, stderr } = await weightvaultHere(["token", "list", "--token-file", file], {
      env: { WEIGHTVAULT_URL: server.url },
    });
    expect({ code, warns: stderr.includes("other users may read") }).toEqual({ code: 0, warns });
  }
});

test("a folder that is named for a token is refused, and nobody is told to lock it", async () => {
  await using folder = await temporaryFolder();
  await chmod(folder.path, 0o755);
  const { code, stderr } = await weightvaultHere(["token", "list", "--token-file", folder.path]);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: `the token file ${folder.path} cannot be read\n`,
  });
});

test.each([
  [["--url", "nonsense"], {}, "the address of the server must be"],
  [[], { WEIGHTVAULT_URL: "nonsense" }, "WEIGHTVAULT_URL must be"],
])("an address that is none is named as it was given: %j %j", async (args, env, said) => {
  const { code, stderr } = await weightvaultHere(["token", "list", ...args], { env });
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(said) });
});

const traded = {
  person: "c1f4a2ab-0000-4000-8000-000000000001",
  principal: "c1f4a2ab-0000-4000-8000-000000000002",
  token: { id: "c1f4a2ab-0000-4000-8000-000000000003", text: "wv_new", roles: [], expiresAt: "x" },
};

test("init trades the bootstrap token and keeps the new one from stdout", async () => {
  await using folder = await temporaryFolder();
  const [bootstrap, file] = [join(folder.path, "bootstrap"), join(folder.path, "officer")];
  await writeFile(bootstrap, "wvb_once\n", { mode: 0o600 });
  let body: unknown = null;
  await using server = await serveHttp(async (request, response) => {
    body = JSON.parse((await bodyOf(request)).toString("utf8"));
    answer(response, 201, traded);
  });
  const env = { WEIGHTVAULT_URL: server.url };
  const args = [
    "init",
    "--bootstrap-token-file",
    bootstrap,
    "--name",
    "Ada",
    "--us-person",
    "citizen",
    "--json",
  ];
  const { code, stdout } = await weightvaultHere([...args, "--token-file", file], { env });
  expect(code).toBe(0);
  expect(stdout).not.toContain("wv_new");
  expect(await ownerOnly(file)).toBe("wv_new\n");
  expect(body).toEqual({
    bootstrapToken: "wvb_once",
    person: { name: "Ada", usPerson: { value: true, category: "citizen" } },
  });
  const printed = await weightvaultHere([...args, "--token-file", `${file}-2`, "--print-token"], {
    env,
  });
  expect(JSON.parse(printed.stdout)).toMatchObject({ token: { text: "wv_new" } });
});

test("no token is asked for where its file is there already, and a refusal leaves no empty file", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "reader");
  const args = [
    "token",
    "create",
    "--principal",
    traded.principal,
    "--role",
    "reader",
    "--token-file",
    file,
  ];
  const refused = await ask((_, response) => problem(response, 403, "two_person_rule"), args);
  expect(refused.code).toBe(1);
  const made = await ask((_, response) => answer(response, 201, traded.token), args);
  expect({ code: made.code, file: await ownerOnly(file) }).toEqual({ code: 0, file: "wv_new\n" });
  expect(made.stdout).not.toContain("wv_new");
  const again = await ask((_, response) => answer(response, 201, traded.token), args);
  expect({ code: again.code, asked: again.asked }).toEqual({ code: 1, asked: [] });
});

test("a new token goes to stdout only as JSON and only where no file is named", async () => {
  const args = ["token", "create", "--principal", traded.principal, "--role", "reader"];
  const handle: Handler = (_, response) => answer(response, 201, traded.token);
  const asJson = await ask(handle, [...args, "--json"]);
  expect(JSON.parse(asJson.stdout)).toMatchObject({ text: "wv_new" });
  const asText = await ask(handle, args);
  expect({ code: asText.code, asked: asText.asked }).toEqual({ code: 2, asked: [] });
});

test("a reader that stops reading is no error", async () => {
  const tokens = Array.from({ length: 20_000 }, (_, at) => ({ id: `id-${at}`, roles: [] }));
  await using server = await serveHttp((_, response) => answer(response, 200, { tokens }));
  const child = spawn(process.execPath, [bin, "token", "list"], {
    env: { WEIGHTVAULT_TOKEN: token, WEIGHTVAULT_URL: server.url },
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stdout.destroy();
  let stderr = "";
  child.stderr.on("data", (chunk) => (stderr += String(chunk)));
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.on("close", resolve);
  expect({ code: await promise, stderr }).toEqual({ code: 0, stderr: "" });
});

async function ownerOnly(file: string): Promise<string> {
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  return await readFile(file, "utf8");
}
