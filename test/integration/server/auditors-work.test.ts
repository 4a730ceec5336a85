import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { weightvaultHere } from "../../e2e/command.ts";
import { Api } from "../../support/api.ts";
import { addActor } from "../../support/api-cast.ts";
import { startTestServer } from "../../support/server.ts";
import { anyPlace, tell } from "./served.ts";

type Shown = { readonly kind: string; readonly body: Readonly<Record<string, unknown>> };

test("of a served vault the story of each thing is told, and an excerpt of it with its evidence verifies offline", async () => {
  await using place = await anyPlace();
  const server = await startTestServer(place);
  try {
    const { first } = await tell(server.url, await server.bootstrapToken());
    const officer = new Api(server.url, first.token);
    const roles = ["auditor", "personal-data-reader"];
    const { token } = await addActor(officer, "Adam Auditor", roles);
    const run = async (...args: readonly string[]) => {
      const { code, stdout, stderr } = await weightvaultHere(["ledger", ...args, "--json"], {
        env: {
          WEIGHTVAULT_URL: server.url,
          WEIGHTVAULT_LEDGER_KEY: server.verificationKey,
          WEIGHTVAULT_TOKEN: token,
        },
      });
      expect([args[0], code, stderr.includes("NOT")]).toEqual([args[0], 0, false]);
      return { told: JSON.parse(stdout) as { readonly entries: readonly Shown[] }, stderr };
    };
    const { told } = await run("show", "--last", "1000");
    const allowed = told.entries.find(({ kind }) => kind === "release.allowed");
    const { release, repository, revision, person } = allowed?.body ?? {};
    const stories = [
      ["release", release],
      ["repository", repository],
      ["revision", revision],
      ["person", person],
    ] as const;
    for (const [noun, id] of stories) {
      const story = await run("trace", noun, String(id));
      const kinds = story.told.entries.map(({ kind }) => kind);
      expect([noun, kinds]).toEqual([
        noun,
        expect.arrayContaining(["release.allowed", "release.delivered"]),
      ]);
    }
    const manifest = await officer.json("GET", "/v1/repositories/lab/model/revisions/main");
    const [file] = manifest["files"] as readonly { readonly object: string }[];
    const custody = await run("trace", "object", file?.object ?? "", "--in", "lab/model@main");
    expect(custody.told.entries.map(({ kind }) => kind)).toEqual([
      "revision.committed",
      "release.allowed",
      "release.delivered",
    ]);
    for (const [noun, id] of stories.filter(([each]) => each !== "revision")) {
      const part = join(place.folder, `part-${noun}`);
      await run("export", part, `--${noun}`, String(id), "--evidence");
      const { stderr } = await run("verify", part);
      expect([noun, stderr.trim()]).toEqual([
        noun,
        "1 decision was held to their evidence, 1 of them made again",
      ]);
    }
  } finally {
    await server.stop();
  }
});
