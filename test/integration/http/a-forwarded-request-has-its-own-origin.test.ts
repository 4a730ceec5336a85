import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Cast, stage } from "../../support/actors.ts";
import { ask, expectProblem, type Serving, serve } from "./serving.ts";

const weights = "/v1/repositories/lab/model/revisions/main/files/weights.safetensors";
/** The raw point of a P-256 key ends its SubjectPublicKeyInfo. */
const recipientKey = generateKeyPairSync("ec", { namedCurve: "P-256" })
  .publicKey.export({ type: "spki", format: "der" })
  .subarray(-65)
  .toString("base64url");

type Ways = Readonly<Record<string, (headers: Record<string, string>) => ReturnType<typeof ask>>>;

function waysOf(here: () => { readonly s: Serving; readonly cast: Cast }): Ways {
  return {
    "a file": async (headers) => {
      const { s, cast } = here();
      return await ask(s, `GET ${weights}`, { token: cast.reader.token, headers });
    },
    keys: async (headers) => {
      const { s, cast } = here();
      const json = { repository: "lab/model", revision: "main", recipientKey };
      return await ask(s, "POST /v1/releases", { token: cast.reader.token, json, headers });
    },
  };
}

/** Held, and by the destination alone. */
function expectUnknown(answered: Awaited<ReturnType<typeof ask>>): void {
  expectProblem(answered, "release_held");
  const { checks } = answered.json["decision"] as {
    readonly checks: readonly { readonly check: string; readonly outcome: string }[];
  };
  expect(checks.find(({ check }) => check === "destination")?.outcome).toBe("unknown");
  expect(checks.filter(({ outcome }) => outcome === "fail")).toEqual([]);
}

describe.each([
  ["which trusts no proxy", []],
  ["whose trusted proxy is another machine", ["198.51.100.9"]],
])("a server %s", (_name, trustedProxies) => {
  let s: Serving;
  let cast: Cast;
  const ways = waysOf(() => ({ s, cast }));

  beforeAll(async () => {
    s = await serve({}, { trustedProxies });
    cast = await stage(s.vault, { bytes: Buffer.alloc(100_000, "weights") });
  });
  afterAll(async () => {
    await s.stop();
  });

  test.each(["a file", "keys"])("releases %s to a direct request from a site", async (way) => {
    expect((await ways[way]?.({}))?.status).toBeLessThan(300);
  });

  test.each(
    ["a file", "keys"].flatMap((way) =>
      [
        { "x-forwarded-for": "127.0.0.9" },
        { "x-forwarded-for": "203.0.113.7" },
        { "x-forwarded-for": "" },
        { forwarded: "for=127.0.0.9" },
        { forwarded: "for=127.0.0.9", "x-forwarded-for": "127.0.0.9" },
      ].map((headers) => [way, JSON.stringify(headers), headers] as const),
    ),
  )("holds %s for a request with %s: who sent it cannot be known", async (way, _text, headers) => {
    const answered = await ways[way]?.(headers as Record<string, string>);
    if (answered === undefined) throw new Error("no such way");
    expectUnknown(answered);
  });
});

describe("a server behind a trusted proxy", () => {
  let s: Serving;
  let cast: Cast;
  const ways = waysOf(() => ({ s, cast }));

  beforeAll(async () => {
    s = await serve({}, { trustedProxies: ["127.0.0.1"] });
    cast = await stage(s.vault, { bytes: Buffer.alloc(100_000, "weights") });
  });
  afterAll(async () => {
    await s.stop();
  });

  describe.each(["a file", "keys"])("releasing %s", (way) => {
    const answer = async (headers: Record<string, string>) => {
      const answered = await ways[way]?.(headers);
      if (answered === undefined) throw new Error("no such way");
      return answered;
    };

    test("decides by the forwarded address: of a site in the United States, allowed", async () => {
      const answered = await answer({ "x-forwarded-for": "127.0.0.9" });
      expect(answered.status).toBeLessThan(300);
    });

    test("decides by the forwarded address: of a site in China, denied", async () => {
      expectProblem(await answer({ "x-forwarded-for": "203.0.113.7" }), "release_denied");
    });

    test("decides by the forwarded address: of no site, held", async () => {
      expectUnknown(await answer({ "x-forwarded-for": "192.0.2.1" }));
    });

    test("decides by the last address that it did not itself vouch for, whatever stands before it", async () => {
      expectProblem(
        await answer({ "x-forwarded-for": "127.0.0.9, 203.0.113.7" }),
        "release_denied",
      );
      expectUnknown(await answer({ "x-forwarded-for": "127.0.0.9, 192.0.2.1" }));
    });

    test("holds for `Forwarded` alone, which it does not read", async () => {
      expectUnknown(await answer({ forwarded: "for=127.0.0.9" }));
    });

    test("reads X-Forwarded-For where `Forwarded` says another address", async () => {
      const headers = { forwarded: "for=127.0.0.9", "x-forwarded-for": "203.0.113.7" };
      expectProblem(await answer(headers), "release_denied");
    });
  });
});
