import { spawn } from "node:child_process";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { bin, temporaryFolder, weightvault } from "./command.ts";

test("serve runs the server of its environment until SIGTERM, and ends with 0", async () => {
  await using folder = await temporaryFolder();
  const child = spawn(process.execPath, [bin, "serve"], {
    cwd: folder.path,
    env: {
      PATH: process.env["PATH"],
      WEIGHTVAULT_DATA: "data",
      WEIGHTVAULT_PORT: "0",
      WEIGHTVAULT_DRAIN_SECONDS: "1",
      WEIGHTVAULT_LOG_LEVEL: "silent",
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  const { promise: url, resolve } = Promise.withResolvers<string>();
  const ended = Promise.withResolvers<number | null>();
  child.on("exit", ended.resolve);
  child.stderr.on("data", (chunk) => {
    said += String(chunk);
    const [, found] = /listens on (\S+)/.exec(said) ?? [];
    if (found !== undefined) resolve(found);
  });
  const alive = await fetch(`${await Promise.race([url, ended.promise.then(() => said)])}/livez`);
  expect(alive.status).toBe(200);
  expect((await stat(join(folder.path, "data/bootstrap-token"))).mode & 0o777).toBe(0o600);
  child.kill("SIGTERM");
  expect(await ended.promise).toBe(0);
});

test("serve and migrate refuse a wrong environment with 1", async () => {
  await using folder = await temporaryFolder();
  const serve = await weightvault(["serve"], { cwd: folder.path, env: { WEIGHTVAULT_PORT: "no" } });
  expect({ code: serve.code, says: serve.stderr.includes("WEIGHTVAULT_PORT") }).toEqual({
    code: 1,
    says: true,
  });
  const migrate = await weightvault(["migrate"], { cwd: folder.path });
  expect({
    code: migrate.code,
    says: migrate.stderr.includes("WEIGHTVAULT_DATABASE_OWNER_URL"),
  }).toEqual({ code: 1, says: true });
});
