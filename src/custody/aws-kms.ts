import { KMSClient } from "@aws-sdk/client-kms";

export type AwsKmsOptions = {
  readonly region: string;
  /** Null for the region's own endpoint. */
  readonly endpoint: string | null;
  /** How long one attempt may take; a call makes four at most. */
  readonly timeoutMs: number;
};

/** One client of AWS KMS, shared by custodian and signer, and how long a whole call may take. */
export type AwsKms = {
  readonly client: KMSClient;
  readonly deadlineMs: number;
  close(): void;
};

/**
 * What a failed call says.
 *
 * - `ciphertext`: the bytes or their context are not those of a wrap under the named key.
 * - `throttled`, `unreachable`: no answer now; another try may succeed.
 * - `refused`: KMS answered, and will answer the same until somebody changes a policy, a key or a setting.
 */
export type AwsKmsFault = {
  readonly kind: "ciphertext" | "throttled" | "unreachable" | "refused";
  /** The name of KMS's error, for whoever operates the vault; never its text, which names accounts and roles. */
  readonly name: string;
};

const attempts = 4;
/** One for every operation that a busy node has in flight; more wait for a socket. */
const sockets = 128;

const ciphertextErrors = ["InvalidCiphertextException", "IncorrectKeyException"];
const throttlingErrors = [
  "ThrottlingException",
  "Throttling",
  "TooManyRequestsException",
  "RequestLimitExceeded",
  "LimitExceededException",
];
/** Four-hundreds that say nothing of key or policy: the service's own trouble, or a session token about to be renewed. */
const passingErrors = [
  "KMSInternalException",
  "DependencyTimeoutException",
  "KeyUnavailableException",
  "ExpiredTokenException",
  "RequestExpired",
];

/**
 * Credentials come from the SDK's default chain alone. Throttled and failed attempts are made again after an exponential wait with
 * full jitter (the SDK's standard mode); a refusal is not.
 */
export function openAwsKms({ region, endpoint, timeoutMs }: AwsKmsOptions): AwsKms {
  const client = new KMSClient({
    region,
    ...(endpoint === null ? {} : { endpoint }),
    maxAttempts: attempts,
    retryMode: "standard",
    requestHandler: {
      connectionTimeout: timeoutMs,
      requestTimeout: timeoutMs,
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: sockets },
      httpsAgent: { keepAlive: true, maxSockets: sockets },
    },
  });
  return { client, deadlineMs: attempts * timeoutMs, close: () => client.destroy() };
}

/** Ends a call at its deadline, waits between attempts included. */
export function within({ deadlineMs }: AwsKms): { readonly abortSignal: AbortSignal } {
  return { abortSignal: AbortSignal.timeout(deadlineMs) };
}

/** Tells refusals from outages by the error's name and HTTP status. An error that KMS did not answer with is an outage. */
export function faultOf(thrown: unknown): AwsKmsFault {
  const name = Error.isError(thrown) ? thrown.name : "unknown";
  if (ciphertextErrors.includes(name)) return { kind: "ciphertext", name };
  if (throttlingErrors.includes(name) || statusOf(thrown) === 429)
    return { kind: "throttled", name };
  const status = statusOf(thrown);
  if (status === null || status >= 500 || passingErrors.includes(name))
    return { kind: "unreachable", name };
  return { kind: "refused", name };
}

/** What KMS answers for a key that somebody disabled, deletes or deleted; what it wrapped opens again where the key comes back. */
const keyStates = ["DisabledException", "KMSInvalidStateException", "NotFoundException"];

/** The sentence for an outage or a refusal; nothing in it comes from KMS but the error's name. */
export function sentenceOf({ kind, name }: AwsKmsFault): string {
  if (kind === "throttled") return `AWS KMS throttles the vault (${name})`;
  if (kind === "unreachable") return `AWS KMS does not answer (${name})`;
  if (keyStates.includes(name))
    return `the key in AWS KMS is disabled, being deleted or gone (${name}): enable it, or restore it while it waits for its deletion`;
  return `AWS KMS refuses the vault (${name}): look at the key's state, its policy and grants, and the vault's role`;
}

function statusOf(thrown: unknown): number | null {
  if (typeof thrown !== "object" || thrown === null || !("$metadata" in thrown)) return null;
  const { $metadata: metadata } = thrown;
  if (typeof metadata !== "object" || metadata === null || !("httpStatusCode" in metadata))
    return null;
  return typeof metadata.httpStatusCode === "number" ? metadata.httpStatusCode : null;
}
