import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Secret } from "../../src/crypto/secret.ts";
import type { Custodian, WrapContext } from "../../src/custody/custodian.ts";

export type CustodianUnderTest = {
  readonly custodian: Custodian;
  /** Makes the custodian unable to serve, for good. Left out where that cannot be arranged. */
  readonly breakDown?: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export type CustodianContractOptions = {
  /** Every how many bits of the wrapped key one is flipped; 1 where an unwrap costs nothing. */
  readonly flipEveryBits?: number;
  /** The first bit of a wrapped key that is flipped, where a server of the tests does not authenticate what lies before. */
  readonly bitsFlippedFrom?: (wrapped: Buffer) => number;
};

const context: WrapContext = {
  "weightvault:object": "0197c1d2a3b4",
  "weightvault:repository": "0197c1d2ffff",
};

/** What every custodian promises; see src/custody/custodian.ts. */
export function custodianContract(
  name: string,
  open: () => Promise<CustodianUnderTest>,
  { flipEveryBits = 1, bitsFlippedFrom = () => 0 }: CustodianContractOptions = {},
): void {
  describe(`${name} keeps the custodian's contract`, () => {
    let opened: CustodianUnderTest;
    let custodian: Custodian;

    beforeAll(async () => {
      opened = await open();
      custodian = opened.custodian;
    });

    afterAll(() => opened.close());

    async function rejected(wrapped: Uint8Array, given: WrapContext): Promise<unknown> {
      return custodian.unwrap(wrapped, given).then(
        () => "it opened",
        (error: unknown) => error,
      );
    }

    test("a generated key is 32 bytes and unwraps to itself", async () => {
      const { dataKey, wrapped } = await custodian.generate(context);
      expect(dataKey.sizeBytes).toBe(32);
      expect((await custodian.unwrap(wrapped, context)).equals(dataKey)).toBe(true);
    });

    test("the order of the context's names does not matter", async () => {
      const { dataKey, wrapped } = await custodian.generate(context);
      const turned = Object.fromEntries(Object.entries(context).reverse());
      expect((await custodian.unwrap(wrapped, turned)).equals(dataKey)).toBe(true);
    });

    test("an existing key is wrapped and unwraps to itself, and stays usable", async () => {
      const bytes = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7));
      using dataKey = new Secret(Buffer.from(bytes));
      const wrapped = await custodian.wrap(dataKey, context);
      expect((await custodian.unwrap(wrapped, context)).expose()).toEqual(bytes);
      expect(dataKey.expose()).toEqual(bytes);
    });

    test("no two generated keys, and no two wraps of a key, are the same", async () => {
      const [one, other] = [await custodian.generate(context), await custodian.generate(context)];
      expect(one.dataKey.equals(other.dataKey)).toBe(false);
      expect(one.wrapped.equals(other.wrapped)).toBe(false);
      expect((await custodian.wrap(one.dataKey, context)).equals(one.wrapped)).toBe(false);
    });

    test("the wrapped form does not contain the data key", async () => {
      const { dataKey, wrapped } = await custodian.generate(context);
      for (let at = 0; at + 4 <= 32; at += 4) {
        expect(wrapped.includes(dataKey.expose().subarray(at, at + 4))).toBe(false);
      }
    });

    test.each<[string, WrapContext]>([
      ["of another object", { ...context, "weightvault:object": "0197c1d2a3b5" }],
      ["of another repository", { ...context, "weightvault:repository": "0197c1d2fffe" }],
      ["with a name less", { "weightvault:object": "0197c1d2a3b4" }],
      ["with a name more", { ...context, more: "x" }],
      ["with its values swapped", swapped(context)],
      ["of nothing", {}],
    ])("a wrapped key does not open under the context %s", async (_, other) => {
      const { wrapped } = await custodian.generate(context);
      expect(await rejected(wrapped, other)).toMatchObject({ code: "wrapped_key_rejected" });
    });

    test("keys swapped between objects do not open", async () => {
      const other: WrapContext = { ...context, "weightvault:object": "another" };
      const [mine, theirs] = [await custodian.generate(context), await custodian.generate(other)];
      expect(await rejected(theirs.wrapped, context)).toMatchObject({
        code: "wrapped_key_rejected",
      });
      expect(await rejected(mine.wrapped, other)).toMatchObject({ code: "wrapped_key_rejected" });
    });

    test("a wrapped key does not open with any bit flipped", async () => {
      const { wrapped } = await custodian.generate(context);
      for (let bit = bitsFlippedFrom(wrapped); bit < wrapped.length * 8; bit += flipEveryBits) {
        const flipped = Buffer.from(wrapped);
        flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        expect([bit, await rejected(flipped, context)]).toMatchObject([
          bit,
          { code: "wrapped_key_rejected" },
        ]);
      }
    });

    test("a wrapped key does not open when cut short, extended or empty", async () => {
      const { wrapped } = await custodian.generate(context);
      const lengths = [0, 1, 11, 27, 28, wrapped.length - 1];
      const others = lengths.map((length) => wrapped.subarray(0, length));
      for (const other of [...others, Buffer.concat([wrapped, Buffer.alloc(1)])]) {
        expect([other.length, await rejected(other, context)]).toMatchObject([
          other.length,
          { code: "wrapped_key_rejected" },
        ]);
      }
    });

    test("the secrets that it gives print as [secret]", async () => {
      const generated = await custodian.generate(context);
      const { dataKey } = generated;
      const hex = dataKey.expose().toString("hex");
      const printed = `${inspect(generated, { depth: 9 })} ${JSON.stringify({ dataKey })} ${String(dataKey)}`;
      expect(printed.match(/\[secret\]/g)).toHaveLength(3);
      expect(printed).not.toContain(hex);
    });

    test("the custodian itself prints no key", () => {
      expect(inspect(custodian, { depth: 9, showHidden: true })).not.toMatch(/Buffer|Uint8Array/);
    });

    test("sixty-four generate and unwrap at once", async () => {
      const opens = await Promise.all(
        Array.from({ length: 64 }, async (_, index) => {
          const own = { ...context, "weightvault:object": `object-${index}` };
          const { dataKey, wrapped } = await custodian.generate(own);
          return (await custodian.unwrap(wrapped, own)).equals(dataKey);
        }),
      );
      expect(opens).toEqual(Array(64).fill(true));
    });

    test("its key id is printable, so that it can be stored beside the wrapped key", () => {
      expect(custodian.keyId).toMatch(/^[\x21-\x7e]{8,}$/);
    });

    test("check resolves while it can serve, and is refused as an outage once it cannot", async () => {
      await custodian.check();
      if (opened.breakDown === undefined) return;
      await opened.breakDown();
      await expect(custodian.check()).rejects.toMatchObject({ code: "custodian_unavailable" });
    });
  });
}

function swapped(given: WrapContext): WrapContext {
  const values = Object.values(given).reverse();
  return Object.fromEntries(Object.keys(given).map((name, index) => [name, values[index] ?? ""]));
}
