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

/** DER of a TimeStampResp (RFC 3161, section 2.4.2) that holds a rejection alone. */
const rejection = (failInfoHex: string, statusStringHex = ""): Buffer => {
  const status = Buffer.from(`020102${statusStringHex}${failInfoHex}`, "hex");
  return Buffer.from([0x30, status.length + 2, 0x30, status.length, ...status]);
};
/** A PKIFreeText of the word "busy". */
const busy = "30060c0462757379";

test.each<[string, Buffer, string]>([
  ["a system failure", rejection("03050600000040"), "systemFailure"],
  ["a system failure with a text", rejection("03050600000040", busy), "systemFailure"],
  ["a system failure in whole bytes", rejection("03050000000040"), "systemFailure"],
  ["no source of time", rejection("0303010002"), "timeNotAvailable"],
])("%s is an outage of the authority and no refusal", async (_, response, named) => {
  const refused = `the authority did not grant it: status 2, ${named}`;
  expect(await verifyTimestamp(response, stampedText, [])).toEqual({ refused, isOutage: true });
});

test.each<[string, Buffer]>([
  ["a hash that it does not take", rejection("03020780")],
  ["a request that it does not take", rejection("03020520")],
  ["a policy that it does not have", rejection("0303000001")],
  ["no reason", rejection("")],
  ["a text alone", rejection("", busy)],
])("a rejection for %s is none of them", async (_, response) => {
  const refused = "the authority did not grant it: status 2";
  expect(await verifyTimestamp(response, stampedText, [])).toEqual({ refused });
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
