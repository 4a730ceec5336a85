import { expect, test } from "@jest/globals";
import { hasPostgres } from "../support/database.ts";
import { killAtEach, lookOnceMore, prepareVault } from "../support/kill-steps.ts";

test("killed before every effect of a direct upload and of the read that proves it, no key left unrecorded, every part that the store took is found again, and the upload goes on", async () => {
  const engine = hasPostgres ? "PostgreSQL" : "PGlite";
  const prepared = await prepareVault(engine);
  try {
    const kills = await killAtEach(prepared, { work: "direct", firstLife: 0 });
    expect(kills).toBeGreaterThan(20);
    process.stderr.write(`${engine}: direct was killed at each of ${kills} effects\n`);
    await lookOnceMore(prepared, { work: "direct", firstLife: kills + 1 });
  } finally {
    await prepared.remove();
  }
}, 1_800_000);
