import { hash } from "node:crypto";
import { Integer, OctetString } from "asn1js";
import {
  AlgorithmIdentifier,
  ContentInfo,
  EncapsulatedContentInfo,
  MessageImprint,
  PKIStatusInfo,
  SignedData,
  TimeStampResp,
  TSTInfo,
} from "pkijs";

/** DER of a granted TimeStampResp about a text that nobody signed: for what keeps stamps and leaves judging them to others. */
export function unsignedStamp(text: string, at: Date): Buffer {
  const digest = new Uint8Array(hash("sha256", text, "buffer")).buffer;
  const info = new TSTInfo({
    version: 1,
    policy: "1.2.3.4",
    messageImprint: new MessageImprint({
      hashAlgorithm: new AlgorithmIdentifier({ algorithmId: "2.16.840.1.101.3.4.2.1" }),
      hashedMessage: new OctetString({ valueHex: digest }),
    }),
    serialNumber: new Integer({ value: 1 }),
    genTime: at,
  });
  const signed = new SignedData({
    version: 3,
    encapContentInfo: new EncapsulatedContentInfo({
      eContentType: "1.2.840.113549.1.9.16.1.4",
      eContent: new OctetString({ valueHex: info.toSchema().toBER() }),
    }),
  });
  const response = new TimeStampResp({
    status: new PKIStatusInfo({ status: 0 }),
    timeStampToken: new ContentInfo({
      contentType: "1.2.840.113549.1.7.2",
      content: signed.toSchema(true),
    }),
  });
  return Buffer.from(response.toSchema().toBER());
}
