import { expect, test } from "@jest/globals";
import { cloneDatabase, hasPostgres } from "../../support/database.ts";
import { startTestServer } from "../../support/server.ts";
import { release, tell } from "./served.ts";

const engines = ["PGlite", ...(hasPostgres ? (["PostgreSQL"] as const) : [])] as const;

test.each(engines)(
  "a reader may have the same file again the moment it has come, and as often as they like (%s)",
  async (engine) => {
    const clone = engine === "PostgreSQL" ? await cloneDatabase() : null;
    const server = await startTestServer(
      clone === null ? {} : { env: { DATABASE_URL: clone.url } },
    );
    try {
      const { reader, bytes } = await tell(server.url, await server.bootstrapToken());
      for (let times = 0; times < 20; times += 1)
        expect((await release(server.url, reader)).equals(bytes)).toBe(true);
      const atOnce = Array.from({ length: 4 }, async () => await release(server.url, reader));
      for (const got of await Promise.all(atOnce)) expect(got.equals(bytes)).toBe(true);
    } finally {
      await server.stop();
      await clone?.drop();
    }
  },
);
