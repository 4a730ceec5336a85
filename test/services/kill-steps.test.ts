import { expect, test } from "@jest/globals";
import { hasPostgres } from "../support/database.ts";
import { killAtEach, lookOnceMore, prepareVault } from "../support/kill-steps.ts";

const engines = ["PGlite", ...(hasPostgres ? (["PostgreSQL"] as const) : [])] as const;

test.each(engines)(
  "killed before every effect of an upload and of both ways of a release, nothing acknowledged is lost and nothing left unrecorded (%s)",
  async (engine) => {
    const prepared = await prepareVault(engine);
    try {
      let lives = 0;
      for (const work of ["upload", "enclosed", "stream"] as const) {
        const kills = await killAtEach(prepared, { work, firstLife: lives });
        lives += kills + 1;
        expect(kills).toBeGreaterThan(40);
        process.stderr.write(`${engine}: ${work} was killed at each of ${kills} effects\n`);
      }
      await lookOnceMore(prepared, { work: "stream", firstLife: lives });
    } finally {
      await prepared.remove();
    }
  },
  1_800_000,
);
