import { expect, test } from "@jest/globals";
import type { Recorded } from "../../vectors/ledger/build.ts";
import { issued, made, principalOf, record, tokenOf } from "../../vectors/ledger/story.ts";
import { told, verifyStory } from "../../vectors/ledger/tell.ts";

/** More tokens than are held after their end; each ended long before the story. */
const old = Array.from({ length: 5_000 }, (_, at) =>
  issued(`job ${at}`, {
    principal: principalOf("trainer"),
    expiresAt: "2025-01-01T00:00:00.000Z",
  }),
);

const codes = async (...records: readonly Recorded[]) => {
  const { findings } = await verifyStory(told(...old, ...records));
  return findings.map(({ code, message }) => `${code}: ${message}`);
};

test("a token that ended long ago and was swept out of the memory is still known as expired, once issued and its holder's to revoke", async () => {
  const token = tokenOf("job 7");
  const use = record("token.revoked", {
    token: tokenOf("trainer"),
    by: principalOf("trainer"),
    under: token,
  });
  expect(await codes(use)).toEqual([
    "token_expired: token.revoked was made under an expired token",
  ]);
  expect(
    await codes(
      issued("job 7", { principal: principalOf("trainer"), expiresAt: "2026-04-01T00:00:00.000Z" }),
    ),
  ).toEqual([`change_impossible: token ${token} was issued again`]);
  expect(await codes(record("token.revoked", { token, ...made("trainer") }))).toEqual([]);
});
