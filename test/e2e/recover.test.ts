import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { recoverCommand } from "../../src/maintain.ts";
import { Api } from "../support/api.ts";
import { castOver } from "../support/api-cast.ts";
import { startTestServer } from "../support/server.ts";
import { temporaryFolder, weightvault } from "./command.ts";

test("recover gives the operator of a stopped server a token that the server takes", async () => {
  await using folder = await temporaryFolder();
  const data = join(folder.path, "data");
  const env = { WEIGHTVAULT_DATA: data };
  const began = await startTestServer({ folder: data });
  const { first } = await castOver(new Api(began.url, null), await began.bootstrapToken());
  await expect(recoverCommand(env, null)).rejects.toThrow(/stop that process/);
  await began.stop();
  const early = await weightvault(["recover", "--token-file", "early"], { cwd: folder.path, env });
  expect({ code: early.code, said: early.stderr }).toEqual({
    code: 1,
    said: expect.stringMatching(/live tokens/),
  });
  const later = new Date("2029-01-01T00:00:00Z");
  const recovered = await recoverCommand(env, first.person, () => later);
  using secret = recovered.text;
  const server = await startTestServer({ folder: data });
  try {
    server.clock.at = later;
    const api = new Api(server.url, secret.expose().toString("ascii"));
    expect((await api.ask("GET", "/v1/tokens")).status).toBe(200);
  } finally {
    await server.stop();
  }
});
