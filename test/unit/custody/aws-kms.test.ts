import { describe, expect, test } from "@jest/globals";
import { type AwsKmsFault, faultOf, sentenceOf } from "../../../src/custody/aws-kms.ts";

/** An error as the SDK throws it: named after the service's error, with the status of the answer, if there was one. */
function thrown(name: string, httpStatusCode?: number): Error {
  const error = new Error(`User: arn:aws:sts::111122223333:assumed-role/vault says ${name}`);
  error.name = name;
  return Object.assign(error, { $metadata: { httpStatusCode, attempts: 1 } });
}

describe("what a failed call of AWS KMS says", () => {
  test.each<[string, number | undefined, AwsKmsFault["kind"]]>([
    ["InvalidCiphertextException", 400, "ciphertext"],
    ["IncorrectKeyException", 400, "ciphertext"],
    ["ThrottlingException", 400, "throttled"],
    ["LimitExceededException", 400, "throttled"],
    ["SomethingNew", 429, "throttled"],
    ["KMSInternalException", 500, "unreachable"],
    ["DependencyTimeoutException", 500, "unreachable"],
    ["KeyUnavailableException", 500, "unreachable"],
    ["ServiceUnavailable", 503, "unreachable"],
    ["ExpiredTokenException", 400, "unreachable"],
    ["TimeoutError", undefined, "unreachable"],
    ["AbortError", undefined, "unreachable"],
    ["CredentialsProviderError", undefined, "unreachable"],
    ["AccessDeniedException", 400, "refused"],
    ["DisabledException", 400, "refused"],
    ["NotFoundException", 400, "refused"],
    ["KMSInvalidStateException", 400, "refused"],
    ["InvalidKeyUsageException", 400, "refused"],
    ["InvalidGrantTokenException", 400, "refused"],
    ["UnrecognizedClientException", 400, "refused"],
    ["ValidationException", 400, "refused"],
    ["SomethingNew", 403, "refused"],
  ])("%s with status %s is %s", (name, status, kind) => {
    expect(faultOf(thrown(name, status))).toEqual({ kind, name });
  });

  test("what is no error of the SDK's is an outage, never a refused key", () => {
    expect(faultOf("socket hang up").kind).toBe("unreachable");
    expect(faultOf(Object.assign(new Error("x"), { $metadata: null })).kind).toBe("unreachable");
  });

  test("the sentence names the error and repeats nothing of its text, which names accounts and roles", () => {
    for (const name of ["AccessDeniedException", "ThrottlingException", "KMSInternalException"]) {
      const sentence = sentenceOf(faultOf(thrown(name, 400)));
      expect(sentence).toContain(name);
      expect(sentence).not.toMatch(/arn:|111122223333|role\/vault/);
    }
  });
});
