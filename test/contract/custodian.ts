import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Secret } from "../../src/crypto/secret.ts";
import type { Custodian, GeneratedKey, WrapContext } from "../../src/custody/custodian.ts";

export type CustodianUnderTest = {
  readonly custodian: Custodian;
  /** Makes the custodian unable to serve, for good. Left out where that cannot be arranged. */
  readonly breakDown?: () => Promise<void>;
  /** The same custodian, on another primary and still holding the one of now. */
  readonly rotate: () => Promise<Custodian>;
  /** The rotated custodian after the key-encryption key of before was disabled or taken away. */
  readonly disableOlder: () => Promise<Custodian>;
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
      return custodian.unwrap(wrapped, given, custodian.keyId).then(
        () => "it opened",
        (error: unknown) => error,
      );
    }

    test("a generated key is 32 bytes and unwraps to itself", async () => {
      const { dataKey, wrapped } = await custodian.generate(context);
      expect(dataKey.sizeBytes).toBe(32);
      expect((await custodian.unwrap(wrapped, context, custodian.keyId)).equals(dataKey)).toBe(
        true,
      );
    });

    test("the order of the context's names does not matter", async () => {
      const { dataKey, wrapped } = await custodian.generate(context);
      const turned = Object.fromEntries(Object.entries(context).reverse());
      expect((await custodian.unwrap(wrapped, turned, custodian.keyId)).equals(dataKey)).toBe(true);
    });

    test("an existing key is wrapped and unwraps to itself, and stays usable", async () => {
      const bytes = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7));
      using dataKey = new Secret(Buffer.from(bytes));
      const { wrapped } = await custodian.wrap(dataKey, context);
      expect((await custodian.unwrap(wrapped, context, custodian.keyId)).expose()).toEqual(bytes);
      expect(dataKey.expose()).toEqual(bytes);
    });

    test("no two generated keys, and no two wraps of a key, are the same", async () => {
      const [one, other] = [await custodian.generate(context), await custodian.generate(context)];
      expect(one.dataKey.equals(other.dataKey)).toBe(false);
      expect(one.wrapped.equals(other.wrapped)).toBe(false);
      const again = await custodian.wrap(one.dataKey, context);
      expect(again.wrapped.equals(one.wrapped)).toBe(false);
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
          return (await custodian.unwrap(wrapped, own, custodian.keyId)).equals(dataKey);
        }),
      );
      expect(opens).toEqual(Array(64).fill(true));
    });

    test("its key id is printable, so that it can be stored beside the wrapped key", () => {
      expect(custodian.keyId).toMatch(/^[\x21-\x7e]{8,}$/);
    });

    describe("on another primary", () => {
      let rotated: Custodian;
      let older: GeneratedKey;

      beforeAll(async () => {
        older = await custodian.generate(context);
        rotated = await opened.rotate();
      });

      test("what it generates and wraps is under the new primary, and says so", async () => {
        expect(rotated.keyId).not.toBe(older.keyId);
        const generated = await rotated.generate(context);
        const again = await rotated.wrap(generated.dataKey, context);
        expect([generated.keyId, again.keyId]).toEqual([rotated.keyId, rotated.keyId]);
        using opens = await rotated.unwrap(again.wrapped, context, again.keyId);
        expect(opens.equals(generated.dataKey)).toBe(true);
      });

      test("what is wrapped under the older one opens under its name, and under no other", async () => {
        const { wrapped, keyId, dataKey } = older;
        expect((await rotated.unwrap(wrapped, context, keyId)).equals(dataKey)).toBe(true);
        await expect(rotated.unwrap(wrapped, context, rotated.keyId)).rejects.toMatchObject({
          code: "wrapped_key_rejected",
        });
      });

      test("a re-wrapped key is the same key under the new primary, and both wraps open", async () => {
        const made = await rotated.rewrap(older.wrapped, context, older.keyId);
        expect(made.keyId).toBe(rotated.keyId);
        expect(made.wrapped.equals(older.wrapped)).toBe(false);
        for (const { wrapped, keyId } of [older, made])
          expect((await rotated.unwrap(wrapped, context, keyId)).equals(older.dataKey)).toBe(true);
      });

      test("a re-wrapped key stays bound to its context", async () => {
        const other = { ...context, "weightvault:object": "another" };
        const made = await rotated.rewrap(older.wrapped, context, older.keyId);
        const refused = { code: "wrapped_key_rejected" };
        await expect(rotated.unwrap(made.wrapped, other, made.keyId)).rejects.toMatchObject(
          refused,
        );
        await expect(rotated.rewrap(older.wrapped, other, older.keyId)).rejects.toMatchObject(
          refused,
        );
      });

      test("a damaged wrap is not re-wrapped", async () => {
        const damaged = Buffer.from(older.wrapped);
        const last = damaged.length - 1;
        damaged.writeUInt8(damaged.readUInt8(last) ^ 1, last);
        for (const wrapped of [damaged, Buffer.alloc(0), older.wrapped.subarray(0, last)])
          await expect(rotated.rewrap(wrapped, context, older.keyId)).rejects.toMatchObject({
            code: "wrapped_key_rejected",
          });
      });

      test("a wrap under a key that it does not hold is refused, neither as damage nor as an outage", async () => {
        const keyId = `${older.keyId.slice(0, -4)}0000`;
        for (const ask of [
          () => rotated.unwrap(older.wrapped, context, keyId),
          () => rotated.rewrap(older.wrapped, context, keyId),
        ])
          await expect(ask()).rejects.toMatchObject({ code: "custodian_refused" });
      });

      test("a wrap under a disabled key says so, and what is under the new one still opens", async () => {
        const made = await rotated.rewrap(older.wrapped, context, older.keyId);
        const left = await opened.disableOlder();
        for (const ask of [
          () => left.unwrap(older.wrapped, context, older.keyId),
          () => left.rewrap(older.wrapped, context, older.keyId),
        ])
          await expect(ask()).rejects.toMatchObject({
            code: "custodian_refused",
            message: expect.stringMatching(/^the (?:data )?key /) as unknown,
          });
        await left.check();
        expect((await left.unwrap(made.wrapped, context, made.keyId)).equals(older.dataKey)).toBe(
          true,
        );
      });
    });

    test("check resolves while it can serve, and is refused as an outage once it cannot", async () => {
      const left = await opened.disableOlder();
      await left.check();
      if (opened.breakDown === undefined) return;
      await opened.breakDown();
      await expect(left.check()).rejects.toMatchObject({ code: "custodian_unavailable" });
    });
  });
}

function swapped(given: WrapContext): WrapContext {
  const values = Object.values(given).reverse();
  return Object.fromEntries(Object.keys(given).map((name, index) => [name, values[index] ?? ""]));
}
