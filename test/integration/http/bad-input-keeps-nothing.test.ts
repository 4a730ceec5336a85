import { createHash, randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { Refusal, type RefusalCode } from "../../../src/errors.ts";
import { type Cast, sha256, stage } from "../../support/actors.ts";
import { failing } from "../../support/faults.ts";
import { until } from "../../support/until.ts";
import {
  type Asked,
  ask,
  dial,
  expectProblem,
  hear,
  type Serving,
  serve,
  stored,
} from "./serving.ts";

const repository = "/v1/repositories/lab/model";
const files = `${repository}/revisions/main/files`;
const json = { "content-type": "application/json" };

let s: Serving;
let cast: Cast;
let upload: string;
let kept: readonly string[];

beforeAll(async () => {
  s = await serve();
  cast = await stage(s.vault, { bytes: randomBytes(5_000) });
  upload = await openUpload();
  kept = await stored(s);
});
afterAll(async () => {
  await s.stop();
});
beforeEach(() => {
  s.lines.length = 0;
});

async function openUpload(): Promise<string> {
  const opened = await ask(s, `POST ${repository}/uploads`, { token: cast.job.token });
  expect(opened.status).toBe(201);
  return String(opened.json["upload"]);
}

const fileAddress = (path: string, id = upload) => `PUT ${repository}/uploads/${id}/files/${path}`;

/** Neither the upload nor the store has anything of what was refused. */
async function expectNothingKept(id = upload): Promise<void> {
  const { token } = cast.job;
  const read = await ask(s, `GET ${repository}/uploads/${id}`, { token });
  expect(read.json).toMatchObject({ state: "open", files: [] });
  await until(async () => (await stored(s)).length === kept.length);
  expect(await stored(s)).toEqual(kept);
}

async function put(path: string, body: Uint8Array | string, asked: Asked = {}) {
  return await ask(s, fileAddress(path), { token: cast.job.token, body, ...asked });
}

test.each<[string, string | Uint8Array, Record<string, string>, RefusalCode]>([
  ["cut-off JSON", '{"namespace": "lab"', json, "malformed_json"],
  ["no JSON", "namespace=lab", json, "malformed_json"],
  ["an empty body", "", json, "malformed_json"],
  ["two values", "{} {}", json, "malformed_json"],
  [
    "bytes that are not UTF-8",
    Buffer.from('{"namespace":"\xff","name":"x"}', "latin1"),
    json,
    "malformed_json",
  ],
  ["another content type", "{}", { "content-type": "text/plain" }, "unsupported_media_type"],
  [
    "a form",
    "namespace=lab",
    { "content-type": "application/x-www-form-urlencoded" },
    "unsupported_media_type",
  ],
  ["no content type", "{}", {}, "unsupported_media_type"],
  [
    "another charset",
    "{}",
    { "content-type": "application/json; charset=utf-16" },
    "unsupported_media_type",
  ],
  ["a compressed body", "{}", { ...json, "content-encoding": "gzip" }, "unsupported_media_type"],
  ["an array", "[]", json, "invalid_request"],
  ["null", "null", json, "invalid_request"],
  ["a missing field", '{"namespace":"lab"}', json, "invalid_request"],
  ["a wrong type", '{"namespace":"lab","name":7}', json, "invalid_request"],
  ["an unknown field", '{"namespace":"lab","name":"x","id":1}', json, "invalid_request"],
  ["a prototype", '{"namespace":"lab","name":"x","__proto__":{}}', json, "invalid_request"],
  ["a name with a slash", '{"namespace":"lab","name":"a/b"}', json, "invalid_name"],
  ["a name of dots", '{"namespace":"lab","name":".."}', json, "invalid_name"],
  ["a name with a NUL", '{"namespace":"lab","name":"a\\u0000"}', json, "invalid_name"],
  ["a lone surrogate", '{"namespace":"lab","name":"\\ud800"}', json, "invalid_name"],
  ["a name that exists", '{"namespace":"lab","name":"model"}', json, "already_exists"],
])("%s as a repository is refused", async (_, body, headers, code) => {
  const { token } = cast.job;
  expectProblem(await ask(s, "POST /v1/repositories", { token, body, headers }), code);
});

test("a schema's refusal names the fields by their paths", async () => {
  const answered = await ask(s, "POST /v1/persons", {
    token: cast.first.token,
    json: { name: "", usPerson: { value: "yes" }, citizenships: [{ country: "usa" }], extra: 1 },
  });
  expectProblem(answered, "invalid_request");
  const errors = answered.json["errors"] as { path: string }[];
  expect(errors.map(({ path }) => path).sort()).toEqual([
    "",
    "citizenships.0.country",
    "citizenships.0.from",
    "name",
    "usPerson.value",
  ]);
});

test.each<[string, string, unknown, RefusalCode]>([
  ["a person's name with a NUL", "/v1/persons", { name: "a\0b" }, "invalid_request"],
  ["a name that is no Unicode", "/v1/persons", { name: "\ud800" }, "invalid_request"],
  [
    "a day that never was",
    "/v1/persons",
    { name: "a", citizenships: [{ country: "US", from: "2026-02-30" }] },
    "invalid_request",
  ],
  [
    "a grant from year 0",
    "/v1/grants",
    {
      principal: randomUUID(),
      repository: "lab/model",
      purpose: "p",
      validFrom: "0000-01-01T00:00:00Z",
      validUntil: "2027-01-01T00:00:00Z",
    },
    "invalid_request",
  ],
  [
    "a grant of too many bytes to count",
    "/v1/grants",
    {
      principal: randomUUID(),
      repository: "lab/model",
      purpose: "p",
      validUntil: "2027-01-01T00:00:00Z",
      bytesAllowed: 2 ** 53,
    },
    "invalid_request",
  ],
  [
    "a grant to nobody",
    "/v1/grants",
    {
      principal: randomUUID(),
      repository: "lab/model",
      purpose: "p",
      validUntil: "2027-01-01T00:00:00Z",
    },
    "not_found",
  ],
])("%s is refused", async (_, path, body, code) => {
  const { token } = cast.first;
  expectProblem(await ask(s, `POST ${path}`, { token, json: body }), code);
});

test.each(["a", "x".repeat(36), "%00", "00000000-0000-0000-0000-00000000000g"])(
  "the identifier %s names nothing",
  async (id) => {
    const { token } = cast.first;
    expectProblem(await ask(s, `GET /v1/persons/${id}`, { token }), "not_found");
  },
);

test.each(["?principal=1", "?unknown=1", "?principal=%00", "?state=gone", "?state=a&state=b"])(
  "the query %s is refused",
  async (query) => {
    const { token } = cast.second;
    expectProblem(await ask(s, `GET /v1/releases${query}`, { token }), "invalid_request");
  },
);

test("a member of a query that is given twice is named once, as what it is", async () => {
  const { token } = cast.second;
  const asked = await ask(s, "GET /v1/releases?state=held&state=held", { token });
  expectProblem(asked, "invalid_request");
  expect(asked.json).toMatchObject({
    detail: "the query gives more than once: state",
    errors: [{ path: "state", message: "is given more than once" }],
  });
});

test("an identifier in upper case is the same one, so that nobody slips past the two-person rule", async () => {
  const { token, person } = cast.first;
  const answered = await ask(s, `PUT /v1/persons/${person.toUpperCase()}`, {
    token,
    json: { name: "Somebody Else" },
  });
  expectProblem(answered, "two_person_rule");
});

test.each<[string, string]>([
  ["a dot-dot segment", "../secret"],
  ["a dot-dot segment in the middle", "a/../../secret"],
  ["an encoded dot-dot segment", "%2e%2e/secret"],
  ["an encoded slash", "..%2fsecret"],
  ["a dot segment", "./a"],
  ["an absolute path", "/etc/passwd"],
  ["an encoded absolute path", "%2fetc%2fpasswd"],
  ["an empty segment", "a//b"],
  ["a slash at the end", "a/"],
  ["a backslash", "a\\b"],
  ["an encoded backslash", "..%5csecret"],
  ["a NUL", "a%00b"],
  ["a control character", "a%0ab"],
  ["bytes that are not UTF-8", "%ff"],
  ["an overlong encoding", "%c0%ae%c0%ae/secret"],
  ["a replacement character", "%EF%BF%BD"],
  ["an unfinished escape", "a%"],
  ["more than 1,024 bytes", "x".repeat(1_025)],
  ["more than 1,024 bytes of many segments", "abc/".repeat(300)],
  ["more than 1,024 bytes, though fewer characters", "%C3%A9".repeat(513)],
])("a file path with %s is invalid, to write and to read", async (_, path) => {
  expectProblem(await put(path, "bytes"), "invalid_path");
  const { token } = cast.reader;
  const read = await ask(s, `GET ${files}/${path}`, { token });
  expectProblem(read, "invalid_path");
  await expectNothingKept();
});

test("a part of a file is not taken for the whole of it", async () => {
  const sent = await put("part.bin", "bytes", { headers: { "content-range": "bytes 0-4/500" } });
  expectProblem(sent, "invalid_request");
  await expectNothingKept();
});

test("a file path in a commit is refused by the same rule", async () => {
  const { token } = cast.job;
  for (const path of ["../a", "/a", "a\0", "a\\b", "\ud800", "x".repeat(1_025), "a//b", ""]) {
    const answered = await ask(s, `POST ${repository}/uploads/${upload}/commit`, {
      token,
      json: { parent: cast.revision, files: [{ path, size: 0, sha256: "0".repeat(64) }] },
    });
    expectProblem(answered, "invalid_path");
  }
});

test("a commit that names a file that was not uploaded makes no revision", async () => {
  const { token } = cast.job;
  const answered = await ask(s, `POST ${repository}/uploads/${upload}/commit`, {
    token,
    json: {
      parent: cast.revision,
      files: [{ path: "missing.bin", size: 5, sha256: "0".repeat(64) }],
    },
  });
  expectProblem(answered, "file_not_uploaded");
  const head = await ask(s, `GET ${repository}/revisions/main`, { token });
  expect(head.json["revision"]).toBe(cast.revision);
  await expectNothingKept();
});

test.each<[string, Record<string, string>, RefusalCode]>([
  ["another digest", { "x-content-sha256": "0".repeat(64) }, "digest_mismatch"],
  [
    "another Content-Digest",
    { "content-digest": `sha-256=:${createHash("sha256").update("x").digest("base64")}:` },
    "digest_mismatch",
  ],
  ["a malformed digest", { "repr-digest": "sha-256=:no:" }, "invalid_request"],
  ["another content type", { "content-type": "text/plain" }, "unsupported_media_type"],
  [
    "a content encoding",
    { "content-type": "application/octet-stream", "content-encoding": "gzip" },
    "unsupported_media_type",
  ],
  ["no length", { "content-length": "", "transfer-encoding": "chunked" }, "length_required"],
])("a file with %s is not kept", async (_, headers, code) => {
  const given = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== ""));
  const asked =
    code === "length_required"
      ? await chunkedPut()
      : await put("weights.bin", randomBytes(3_000_000), { headers: given });
  expectProblem(asked, code);
  await expectNothingKept();
});

async function chunkedPut() {
  const socket = await dial(s);
  socket.write(
    `${fileAddress("weights.bin")} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${cast.job.token}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbytes\r\n0\r\n\r\n`,
  );
  socket.end();
  const heard = await hear(socket);
  const [head = "", body = ""] = heard.split("\r\n\r\n");
  const headers = Object.fromEntries(
    head
      .split("\r\n")
      .slice(1)
      .map((line) => [line.split(": ")[0]?.toLowerCase(), line.split(": ")[1]]),
  );
  return {
    status: Number(head.split(" ")[1]),
    headers,
    bytes: Buffer.from(body),
    json: JSON.parse(body),
  };
}

test("a JSON body over 1 MiB is refused before it is read", async () => {
  const socket = await dial(s);
  socket.write(
    `POST /v1/repositories HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${cast.job.token}\r\nContent-Type: application/json\r\nContent-Length: 1048577\r\n\r\n{`,
  );
  const answer = await new Promise<Buffer>((resolve) => {
    socket.once("data", resolve);
  });
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 413 [\s\S]*"code":"payload_too_large"/);
  socket.destroy();
});

test("a JSON body that grows past 1 MiB without saying so is refused too", async () => {
  const socket = await dial(s);
  socket.write(
    `POST /v1/repositories HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${cast.job.token}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
  );
  for (let sent = 0; sent < 17; sent += 1) socket.write(`10000\r\n${"x".repeat(65_536)}\r\n`);
  const answer = await new Promise<Buffer>((resolve) => {
    socket.once("data", resolve);
  });
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 413 [\s\S]*"code":"payload_too_large"/);
  socket.destroy();
});

test("a file is refused before its bytes are read, and the answer arrives whole while the client still sends", async () => {
  const socket = await dial(s);
  const before = s.store.calls.length;
  socket.write(
    `PUT ${repository}/uploads/${randomUUID()}/files/a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${cast.job.token}\r\nContent-Length: 1000000000\r\n\r\n`,
  );
  const sending = setInterval(() => socket.write(randomBytes(65_536)), 1);
  const heard = await new Promise<string>((resolve) => {
    let text = "";
    socket.on("data", (bytes) => {
      text += bytes.toString();
      if (text.endsWith("}")) resolve(text);
    });
  });
  clearInterval(sending);
  socket.destroy();
  expect(heard).toMatch(/^HTTP\/1\.1 404 /);
  expect(heard).toMatch(/\r\nConnection: close\r\n/);
  expect(heard).toContain('"code":"not_found"');
  expect(s.store.calls.length).toBe(before);
});

test("a client that asks before it sends is refused without sending, or told to go on", async () => {
  const ask100 = async (token: string) => {
    const socket = await dial(s);
    const id = await openUpload();
    socket.write(
      `${fileAddress("a", id)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`,
    );
    const first = await new Promise<string>((resolve) => {
      socket.once("data", (bytes) => resolve(bytes.toString()));
    });
    return { socket, first };
  };
  const refused = await ask100(cast.reader.token);
  expect(refused.first).toMatch(/^HTTP\/1\.1 403 /);
  refused.socket.destroy();
  const admitted = await ask100(cast.job.token);
  expect(admitted.first).toBe("HTTP/1.1 100 Continue\r\n\r\n");
  admitted.socket.write("bytes");
  expect(await hear(admitted.socket)).toMatch(/^HTTP\/1\.1 201 /);
  kept = await stored(s);
});

test("a store that fails in the middle of an upload is told while the client still sends", async () => {
  const socket = await dial(s);
  const failure = new Refusal("store_full", "the store is full");
  s.store.arm({ method: "writer.write", nth: 2, when: "before", act: failing(failure) });
  socket.write(
    `${fileAddress("weights.bin")} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${cast.job.token}\r\nContent-Length: 100000000\r\n\r\n`,
  );
  const sending = setInterval(() => socket.write(randomBytes(262_144)), 1);
  const heard = await new Promise<string>((resolve) => {
    let text = "";
    socket.on("error", () => resolve(text)).on("close", () => resolve(text));
    socket.on("data", (bytes) => {
      text += bytes.toString();
      if (text.endsWith("}")) resolve(text);
    });
  });
  clearInterval(sending);
  socket.destroy();
  s.store.disarm();
  expect(heard).toMatch(/^HTTP\/1\.1 507 /);
  expect(heard).toContain('"code":"store_full"');
  await expectNothingKept();
});

test.each([
  ["cut off", (socket: { destroy(): void }) => socket.destroy()],
  ["ended by its sender", (socket: { end(): void }) => socket.end()],
])("an upload %s in the middle keeps nothing", async (_, cut) => {
  const socket = await dial(s);
  socket.on("error", () => {});
  socket.write(
    `${fileAddress("weights.bin")} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${cast.job.token}\r\nContent-Length: 5000000\r\n\r\n`,
  );
  socket.write(randomBytes(2_500_000));
  await until(async () => (await stored(s)).length > kept.length);
  cut(socket);
  await until(() => s.lines.some(({ code }) => code === "upload_interrupted"));
  await expectNothingKept();
  socket.destroy();
});

test("a sender that ends its side in the middle reads why", async () => {
  const socket = await dial(s);
  socket.write(
    `${fileAddress("weights.bin")} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${cast.job.token}\r\nContent-Length: 50\r\n\r\nbytes`,
  );
  await until(async () => (await stored(s)).length > kept.length);
  socket.end();
  const heard = await hear(socket);
  expect(heard).toMatch(/^HTTP\/1\.1 400 /);
  expect(heard).toContain('"code":"upload_interrupted"');
  await expectNothingKept();
});

test.each(["GET / HTTP/9\r\n\r\n", "nonsense\r\n\r\n", "GET /livez HTTP/1.1\r\nHost x\r\n\r\n"])(
  "what is no HTTP is a problem like every other: %j",
  async (sent) => {
    const socket = await dial(s);
    socket.write(sent);
    const heard = await hear(socket);
    expect(heard).toMatch(/^HTTP\/1\.1 400 /);
    expect(heard).toContain("application/problem+json");
    expect(heard).toContain('"code":"malformed_http"');
  },
);

test.each<[string, RefusalCode]>([
  ["GET /", "not_found"],
  ["GET /v1", "not_found"],
  ["GET /v1/nothing", "not_found"],
  ["GET /livez/", "not_found"],
  ["GET /LIVEZ", "not_found"],
  ["GET //livez", "not_found"],
  ["GET /v1/../livez", "not_found"],
  ["GET /v1/%2e%2e/livez", "not_found"],
  ["GET /ledger/tile/../checkpoint", "not_authenticated"],
  ["DELETE /livez", "method_not_allowed"],
  ["PATCH /v1/persons", "method_not_allowed"],
  ["OPTIONS /v1/releases", "method_not_allowed"],
])("%s is refused", async (target, code) => {
  expectProblem(await ask(s, target), code);
});

test("405 names the methods of the address", async () => {
  const answered = await ask(s, `POST ${files}/a`, {});
  expectProblem(answered, "method_not_allowed");
  expect(answered.headers.allow).toBe("HEAD, GET");
});

test("an upload of another principal, or beside another repository, is not found", async () => {
  const { token } = cast.job;
  await ask(s, "POST /v1/repositories", { token, json: { namespace: "lab", name: "other" } });
  const elsewhere = `/v1/repositories/lab/other/uploads/${upload}`;
  expectProblem(await ask(s, `PUT ${elsewhere}/files/a`, { token, body: "x" }), "not_found");
  expectProblem(await ask(s, `GET ${elsewhere}`, { token }), "not_found");
  expectProblem(await ask(s, `DELETE ${elsewhere}`, { token }), "not_found");
  await expectNothingKept();
});

test("a closed upload takes no file and says so", async () => {
  const { token } = cast.job;
  const id = await openUpload();
  expect((await ask(s, `DELETE ${repository}/uploads/${id}`, { token })).status).toBe(204);
  expectProblem(await ask(s, fileAddress("a", id), { token, body: "x" }), "upload_closed");
  expect(sha256(Buffer.from("x"))).toHaveLength(64);
});
