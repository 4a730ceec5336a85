import { expect, test } from "@jest/globals";
import { parseAuthority, verifyTimestamp } from "../../../src/ledger/timestamp-token.ts";
import {
  type Behaviour,
  signedStamp,
  stampedAt,
  stampedText,
  timeStamping,
} from "../../support/timestamp/signed.ts";

async function judged(behaviour?: Behaviour) {
  const { response, pem } = await signedStamp(behaviour);
  return await verifyTimestamp(response, stampedText, parseAuthority(pem));
}

test("a stamp as it should be verifies, and tells its time and nonce", async () => {
  expect(await judged()).toEqual({ stampedAt, nonceHex: "4d" });
  expect(await judged({ status: 1 })).toHaveProperty("stampedAt");
});

test.each<[string, Behaviour, string]>([
  ["was not granted", { status: 2 }, "did not grant"],
  ["is of another text", { about: "another" }, "TSTInfo verification"],
  ["is of a hash other than SHA-256", { imprintOid: "2.16.840.1.101.3.4.2.3" }, "another hash"],
  [
    "is by a certificate for something else",
    { usages: ["1.3.6.1.5.5.7.3.2"] },
    "time-stamping alone",
  ],
  [
    "is by one for more than stamps",
    { usages: [timeStamping, "1.3.6.1.5.5.7.3.2"] },
    "time-stamping alone",
  ],
  ["is by one whose usage is not critical", { isCritical: false }, "time-stamping alone"],
  [
    "is signed as another type of content",
    { signedContentType: "1.2.840.113549.1.7.1" },
    "content type",
  ],
  ["is of another type of content", { contentType: "1.2.840.113549.1.7.1" }, "no timestamp"],
  ["names another certificate", { named: "another" }, "does not name"],
  ["names no certificate", { named: "nobody" }, "does not name"],
  ["has two signers", { signers: 2 }, "one signer"],
  ["has no signer", { signers: 0 }, "one signer"],
])("a stamp that %s is refused", async (_, behaviour, why) => {
  expect(await judged(behaviour)).toEqual({ refused: expect.stringContaining(why) });
});

test("a stamp does not verify under another authority's certificate", async () => {
  const [one, two] = [await signedStamp(), await signedStamp()];
  expect(await verifyTimestamp(one.response, stampedText, parseAuthority(two.pem))).toHaveProperty(
    "refused",
  );
});

test("what is no certificate is not taken for an authority", () => {
  expect(() => parseAuthority("")).toThrow(TypeError);
  expect(() =>
    parseAuthority("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
  ).toThrow(/./u);
});
