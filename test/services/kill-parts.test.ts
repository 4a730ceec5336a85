import { expect, test } from "@jest/globals";
import { hasPostgres } from "../support/database.ts";
import { killAtEach, lookOnceMore, prepareVault } from "../support/kill-steps.ts";

test("killed before every effect of an upload by parts, every part and file that was acknowledged is there, and the upload goes on from them", async () => {
  const engine = hasPostgres ? "PostgreSQL" : "PGlite";
  const prepared = await prepareVault(engine);
  try {
    const kills = await killAtEach(prepared, { work: "parts", firstLife: 0 });
    expect(kills).toBeGreaterThan(40);
    process.stderr.write(`${engine}: parts was killed at each of ${kills} effects\n`);
    await lookOnceMore(prepared, { work: "parts", firstLife: kills + 1 });
  } finally {
    await prepared.remove();
  }
}, 1_800_000);
