import { pbkdf2 } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { readConfig } from "../../src/config.ts";
import { Secret } from "../../src/crypto/secret.ts";
import { openCustody } from "../../src/custodians.ts";
import { type Cryptoki, ck, loadCryptoki } from "../../src/custody/cryptoki.ts";
import type { Custodian } from "../../src/custody/custodian.ts";
import { isSignature } from "../../src/custody/ed25519.ts";
import { openPkcs11Custodian } from "../../src/custody/pkcs11-custodian.ts";
import { fitnessOf, makeKeys } from "../../src/custody/pkcs11-provision.ts";
import { openPkcs11Signer } from "../../src/custody/pkcs11-signer.ts";
import { Pkcs11Token } from "../../src/custody/pkcs11-token.ts";
import type { Signer } from "../../src/custody/signer.ts";
import { custodianContract } from "../contract/custodian.ts";
import { signerContract } from "../contract/signer.ts";
import { weightvault } from "../e2e/command.ts";
import { holdCalls } from "../support/held-calls.ts";
import { makeToken, pin, preparedSoftHsm, type TestToken } from "../support/softhsm.ts";
import { until } from "../support/until.ts";

const pbkdf2Busy = promisify(pbkdf2);

const labels = { wrapping: "kek", signing: "ledger" };
const name = "vault.example/ledger";
const context = { "weightvault:object": "1", "weightvault:repository": "2" };

const softHsm = preparedSoftHsm();
const isBuilt = await import("pkcs11js" as string).then(
  () => true,
  () => false,
);
const missing = "absent" in softHsm ? softHsm.absent : isBuilt ? null : "pkcs11js is not built";
if (missing !== null) console.warn(`the tests on SoftHSM are skipped: ${missing}`);
const describeSoftHsm = missing === null ? describe : describe.skip;

describeSoftHsm("on SoftHSM", () => {
  let cryptoki: Cryptoki;
  let made = 0;

  beforeAll(async () => {
    if ("absent" in softHsm) return;
    cryptoki = await loadCryptoki(softHsm.library);
  });

  afterAll(() => cryptoki?.C_Finalize());

  function connect({ label, pinFile }: TestToken, timeoutMs = 10_000): Pkcs11Token {
    return new Pkcs11Token({ cryptoki, label, slot: null, pinFile, sessions: 8, timeoutMs });
  }

  /** A token of its own with keys on it. */
  async function provisioned(): Promise<{ token: TestToken; connected: Pkcs11Token }> {
    if ("absent" in softHsm) throw new Error(softHsm.absent);
    made += 1;
    const token = await makeToken(softHsm, `token-${made}`);
    const connected = connect(token);
    await makeKeys(connected, labels);
    return { token, connected };
  }

  /** How a contract takes the token away, and how it ends. */
  const endsOf = ({ token, connected }: Awaited<ReturnType<typeof provisioned>>) => ({
    breakDown: async () => {
      await token.remove();
      cryptoki.C_Finalize();
    },
    close: async () => {
      await token.insert();
      await connected.close();
    },
  });

  custodianContract("the PKCS#11 custodian", async () => {
    const { token, connected } = await provisioned();
    await makeKeys(connected, { wrapping: "kek-2", signing: null });
    const onNew = (unwrapLabels: readonly string[]) =>
      openPkcs11Custodian({ token: connected, keyLabel: "kek-2", unwrapLabels });
    return {
      custodian: await openPkcs11Custodian({ token: connected, keyLabel: labels.wrapping }),
      rotate: async () => await onNew([labels.wrapping]),
      disableOlder: async () => await onNew([]),
      ...endsOf({ token, connected }),
    };
  });

  // SoftHSM signs no empty message.
  signerContract(
    "the PKCS#11 signer",
    async () => {
      const { token, connected } = await provisioned();
      return {
        signer: await openPkcs11Signer({ token: connected, keyLabel: labels.signing, name }),
        ...endsOf({ token, connected }),
      };
    },
    { shortestMessage: 1 },
  );

  signerContract(
    "the PKCS#11 signer of P-256",
    async () => {
      const { token, connected } = await provisioned();
      const algorithm = "ecdsa-p256";
      await makeKeys(connected, { wrapping: null, signing: "ledger-p256", algorithm });
      return {
        signer: await openPkcs11Signer({
          token: connected,
          keyLabel: "ledger-p256",
          name,
          algorithm,
        }),
        ...endsOf({ token, connected }),
      };
    },
    { algorithm: "ecdsa-p256" },
  );

  describe("a token with keys", () => {
    let token: TestToken;
    let connected: Pkcs11Token;
    let custodian: Custodian;
    let signer: Signer;

    beforeEach(async () => {
      ({ token, connected } = await provisioned());
      custodian = await openPkcs11Custodian({ token: connected, keyLabel: labels.wrapping });
      signer = await openPkcs11Signer({ token: connected, keyLabel: labels.signing, name });
    });

    test("sixty-four wrap and sign at once, in eight sessions", async () => {
      const done = await Promise.all(
        Array.from({ length: 64 }, async (_, index) => {
          await signer.sign(Buffer.from(`size ${index}`));
          const { dataKey, wrapped } = await custodian.generate(context);
          return (await custodian.unwrap(wrapped, context, custodian.keyId)).equals(dataKey);
        }),
      );
      expect(done).toEqual(Array(64).fill(true));
    });

    test("goes on after every session was closed by the device", async () => {
      const { wrapped, dataKey } = await custodian.generate(context);
      const { slot } = connected.locate();
      (cryptoki as unknown as { C_CloseAllSessions(at: Buffer): void }).C_CloseAllSessions(slot);
      expect((await custodian.unwrap(wrapped, context, custodian.keyId)).equals(dataKey)).toBe(
        true,
      );
      await signer.check();
    });

    test.each([
      ["C_EncryptAsync", async () => (await custodian.generate(context)).dataKey.wipe()],
      ["C_DecryptAsync", async () => (await custodian.generate(context)).dataKey.wipe()],
      ["C_SignAsync", async () => await signer.check()],
    ] as const)(
      "goes on when sessions are closed before %s of operations under way",
      async (name, operate) => {
        const { slot } = connected.locate();
        const held = holdCalls(cryptoki, name);
        const work = Promise.all(Array.from({ length: 64 }, async () => await operate()));
        try {
          await until(() => held.waiting() === 8);
          (cryptoki as unknown as { C_CloseAllSessions(at: Buffer): void }).C_CloseAllSessions(
            slot,
          );
        } finally {
          held.letGo();
        }
        await work;
        expect(held.answers()).toEqual(Array(8).fill("CKR_SESSION_HANDLE_INVALID"));
      },
    );

    test("signs the bytes that it was given, whatever becomes of them while the call waits for a thread", async () => {
      const text = "a checkpoint of 70,000 entries\n";
      const message = Buffer.from(text);
      const signature = await connected.use(async (session) => {
        const { cryptoki: calls, handle } = session;
        const { attribute } = ck;
        const key = session.find("the signing key", [
          { type: attribute.class, value: ck.class.privateKey },
          { type: attribute.label, value: labels.signing },
        ]);
        calls.C_SignInit(handle, { mechanism: ck.mechanism.eddsa, parameter: null }, key);
        // Keeps each of libuv's threads busy, so that the token reads after the bytes were wiped.
        const busy = Array.from({ length: 8 }, () => pbkdf2Busy("a", "b", 300_000, 32, "sha256"));
        const signing = calls.C_SignAsync(handle, message, Buffer.alloc(64));
        message.fill(0);
        await Promise.all(busy);
        return await signing;
      });
      expect(isSignature(signer.publicKey, Buffer.from(text), signature)).toBe(true);
    });

    test("a key that comes after its time is wiped", async () => {
      const impatient = connect(token, 100);
      const late = new Secret(Buffer.alloc(32, 7));
      const { promise: isTime, resolve: itIsTime } = Promise.withResolvers<void>();
      const operate = async () => {
        await isTime;
        return late;
      };
      await expect(impatient.use(operate)).rejects.toThrow("does not answer in time");
      expect(late.sizeBytes).toBe(32);
      itIsTime();
      await until(() => isWiped(late));
      await impatient.close();
    });

    test("is an outage while it is out, and serves again when it is back", async () => {
      const { wrapped, dataKey } = await custodian.generate(context);
      await token.remove();
      cryptoki.C_Finalize();
      await expect(custodian.unwrap(wrapped, context, custodian.keyId)).rejects.toMatchObject({
        code: "custodian_unavailable",
      });
      await expect(signer.check()).rejects.toMatchObject({ code: "signer_unavailable" });
      await token.insert();
      expect((await custodian.unwrap(wrapped, context, custodian.keyId)).equals(dataKey)).toBe(
        true,
      );
      await signer.check();
    });

    test("is asked for a wrong PIN once, and serves when the file holds the right one", async () => {
      await connected.close();
      await token.writePin("wrong-pin");
      const other = connect(token);
      const open = () => openPkcs11Custodian({ token: other, keyLabel: labels.wrapping });
      await expect(open()).rejects.toMatchObject({
        code: "custodian_refused",
        message: expect.stringContaining("CKR_PIN_INCORRECT") as unknown,
      });
      await expect(open()).rejects.toMatchObject({
        message: expect.stringContaining("is not asked again") as unknown,
      });
      await token.writePin(pin);
      await expect(open()).resolves.toBeDefined();
      await other.close();
    });

    test("keeps its key ids and keys where `custody init` runs again", async () => {
      expect(await makeKeys(connected, labels)).toEqual([
        { label: "kek", was: "there" },
        { label: "ledger", was: "there" },
      ]);
      const again = await openPkcs11Custodian({ token: connected, keyLabel: labels.wrapping });
      expect(again.keyId).toBe(custodian.keyId);
    });

    test("a key that is not there is named, with what makes it", async () => {
      await expect(
        openPkcs11Custodian({ token: connected, keyLabel: "other" }),
      ).rejects.toMatchObject({
        code: "custodian_refused",
        message: expect.stringContaining("custody init") as unknown,
      });
      await expect(
        openPkcs11Signer({ token: connected, keyLabel: "other", name }),
      ).rejects.toMatchObject({ code: "signer_refused" });
    });

    test("`weightvault custody init` makes the keys once, and `custody check` tries them and keeps the PIN to itself", async () => {
      if ("absent" in softHsm) return;
      const bare = await makeToken(softHsm, "bare");
      const env = {
        SOFTHSM2_CONF: process.env["SOFTHSM2_CONF"] ?? "",
        WEIGHTVAULT_CUSTODIAN: "pkcs11",
        WEIGHTVAULT_SIGNER: "pkcs11",
        WEIGHTVAULT_PKCS11_MODULE: softHsm.library,
        WEIGHTVAULT_PKCS11_TOKEN: bare.label,
        WEIGHTVAULT_PKCS11_PIN_FILE: bare.pinFile,
      };
      const early = await weightvault(["custody", "check"], { env });
      expect(early.stderr).toContain("holds no AES key weightvault-kek");
      const init = await weightvault(["custody", "init"], { env });
      expect(init).toMatchObject({
        code: 0,
        stdout: "made  weightvault-kek\nmade  weightvault-ledger\n",
      });
      const checked = await weightvault(["custody", "check"], { env });
      expect(checked).toMatchObject({ code: 0, stderr: "" });
      expect(checked.stdout).toMatch(
        /^has {4}CKM_AES_GCM.*^wraps {2}pkcs11:[0-9a-f]{32}$.*^signs {2}localhost/ms,
      );
      for (const { stdout, stderr } of [early, init, checked])
        expect(stdout + stderr).not.toContain(pin);
    });

    test("the next signing key is made under its label, signs, and is named by the setting to change", async () => {
      if ("absent" in softHsm) return;
      const config = readConfig({
        WEIGHTVAULT_CUSTODIAN: "pkcs11",
        WEIGHTVAULT_SIGNER: "pkcs11",
        WEIGHTVAULT_PKCS11_MODULE: softHsm.library,
        WEIGHTVAULT_PKCS11_TOKEN: token.label,
        WEIGHTVAULT_PKCS11_PIN_FILE: token.pinFile,
        WEIGHTVAULT_PKCS11_KEY: labels.wrapping,
        WEIGHTVAULT_PKCS11_SIGNING_KEY: labels.signing,
        WEIGHTVAULT_PKCS11_NEXT_SIGNING_KEY: "ledger-2",
      });
      const custody = await openCustody(config, { folder: tmpdir(), mayMake: false });
      try {
        const next = await custody.openNextSigner();
        expect(next.signer.publicKey).not.toEqual(custody.signer.publicKey);
        await next.signer.check();
        expect(await next.install()).toContain("WEIGHTVAULT_PKCS11_SIGNING_KEY=ledger-2");
        const again = await custody.openNextSigner();
        expect(again.signer.publicKey).toEqual(next.signer.publicKey);
      } finally {
        await custody.close();
      }
    });

    test("the ledger goes over to a P-256 pair where the settings ask for one, and a pair of another kind or curve is refused with the setting that takes it", async () => {
      if ("absent" in softHsm) return;
      const env = {
        WEIGHTVAULT_CUSTODIAN: "pkcs11",
        WEIGHTVAULT_SIGNER: "pkcs11",
        WEIGHTVAULT_PKCS11_MODULE: softHsm.library,
        WEIGHTVAULT_PKCS11_TOKEN: token.label,
        WEIGHTVAULT_PKCS11_PIN_FILE: token.pinFile,
        WEIGHTVAULT_PKCS11_KEY: labels.wrapping,
        WEIGHTVAULT_PKCS11_SIGNING_KEY: labels.signing,
      };
      const open = async (more: Readonly<Record<string, string>>) =>
        await openCustody(readConfig({ ...env, ...more }), { folder: tmpdir(), mayMake: false });
      await using stack = new AsyncDisposableStack();
      const custody = await open({
        WEIGHTVAULT_LEDGER_NEXT_SIGNATURE: "ecdsa-p256",
        WEIGHTVAULT_PKCS11_NEXT_SIGNING_KEY: "ledger-p256",
      });
      stack.defer(async () => await custody.close());
      const next = await custody.openNextSigner();
      expect([custody.signer.publicKey.length, next.signer.publicKey.length]).toEqual([32, 91]);
      expect(await next.install()).toContain(
        "WEIGHTVAULT_PKCS11_SIGNING_KEY=ledger-p256 and WEIGHTVAULT_LEDGER_SIGNATURE=ecdsa-p256;",
      );
      const replaced = { WEIGHTVAULT_PKCS11_SIGNING_KEY: "ledger-p256" };
      const p256 = { WEIGHTVAULT_LEDGER_SIGNATURE: "ecdsa-p256" };
      const after = await open({ ...replaced, ...p256 });
      stack.defer(async () => await after.close());
      expect(after.signer.publicKey).toEqual(next.signer.publicKey);
      for (const [settings, takes] of [
        [replaced, "key ledger-p256 is of P-256, which WEIGHTVAULT_LEDGER_SIGNATURE=ecdsa-p256"],
        [p256, "key ledger is of Ed25519, which WEIGHTVAULT_LEDGER_SIGNATURE=ed25519"],
      ] as const)
        await expect(open(settings)).rejects.toMatchObject({
          code: "signer_refused",
          message: expect.stringContaining(takes) as unknown,
        });
      await connected.use(async ({ cryptoki: calls, handle }) => {
        const { attribute, mechanism } = ck;
        const pair = [
          { type: attribute.token, value: true },
          { type: attribute.label, value: "p-384" },
        ];
        calls.C_GenerateKeyPair(
          handle,
          { mechanism: mechanism.ecPairGen, parameter: null },
          [...pair, { type: attribute.ecParameters, value: Buffer.from("06052b81040022", "hex") }],
          [
            ...pair,
            { type: attribute.sensitive, value: true },
            { type: attribute.extractable, value: false },
            { type: attribute.sign, value: true },
          ],
        );
      });
      await expect(
        open({ ...p256, WEIGHTVAULT_PKCS11_SIGNING_KEY: "p-384" }),
      ).rejects.toMatchObject({
        code: "signer_refused",
        message: expect.stringContaining("not on the curve P-256") as unknown,
      });
    });

    test("SoftHSM has every mechanism that the vault needs", () => {
      for (const algorithm of ["ed25519", "ecdsa-p256"] as const)
        expect(fitnessOf(cryptoki, connected, algorithm).filter(({ isMet }) => !isMet)).toEqual([]);
    });
  });
});

function isWiped(secret: Secret): boolean {
  try {
    secret.expose();
    return false;
  } catch {
    return true;
  }
}

test("a library that is none, and one that is no PKCS #11, are refused with the setting's name", async () => {
  if (!isBuilt) return;
  const folder = mkdtempSync(join(tmpdir(), "weightvault-library-"));
  try {
    await expect(loadCryptoki(join(folder, "none.so"))).rejects.toMatchObject({
      code: "configuration_invalid",
      message: expect.stringContaining("WEIGHTVAULT_PKCS11_MODULE") as unknown,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
