import { Refusal } from "../errors.ts";
import { algorithmOf } from "../merkle/key-algorithm.ts";
import {
  isQuorum,
  maximumPolicyBytes,
  type Policy,
  parsePolicy,
  shownName,
} from "../merkle/policy.ts";
import { readRegularFile } from "./source-file.ts";

/** A witness policy from its file. Throws `configuration_invalid`, naming the line, for one that cannot be read or is not as C2SP tlog-policy says. */
export async function readPolicy(file: string): Promise<Policy> {
  const bytes = await readRegularFile(file, maximumPolicyBytes + 1).catch((cause: unknown) => {
    throw unusable(file, "cannot be read", cause);
  });
  if (bytes === null) throw unusable(file, "is no file");
  const parsed = parsePolicy(bytes);
  if ("problem" in parsed) throw unusable(file, `is not a policy: ${parsed.problem}`);
  return parsed.policy;
}

/** The policy of a vault whose ledger has that key; null where none is named. Throws as `readPolicy` and `assertKeepable` do. */
export async function readKeepablePolicy(
  file: string | null,
  ownKey: Uint8Array,
): Promise<Policy | null> {
  if (file === null) return null;
  const policy = await readPolicy(file);
  assertKeepable(policy, file, ownKey);
  return policy;
}

/**
 * Whether a vault can keep to the policy; throws `configuration_invalid` where it never could: its logs are others, a witness's address is none,
 * or those that have an address are no quorum. Where the ledger's key is not known yet (null), what depends on it is left out. One without a quorum (`none`) is refused: it would say of every entry that it was witnessed.
 */
export function assertKeepable(policy: Policy, file: string, ownKey: Uint8Array | null): void {
  const { logs, witnesses } = policy;
  if (isQuorum(policy, new Set())) throw unusable(file, "asks for no witness");
  if (ownKey !== null && algorithmOf(ownKey) !== "ed25519")
    throw unusable(file, "cannot be kept: witnesses cosign no ledger that an ECDSA key signs");
  if (ownKey !== null && logs.length > 0 && !logs.some(({ publicKey: key }) => key.equals(ownKey)))
    throw unusable(file, "lists other logs than this ledger");
  for (const { name, url } of witnesses) {
    const protocol = url === null ? "http:" : (URL.parse(url)?.protocol ?? "");
    if (!["http:", "https:"].includes(protocol))
      throw unusable(file, `gives the witness ${shownName(name)} no http: or https: address`);
  }
  const reachable = witnesses.flatMap(({ name, url }) => (url === null ? [] : [name]));
  if (!isQuorum(policy, new Set(reachable)))
    throw unusable(file, "gives too few witnesses an address for its quorum");
}

function unusable(file: string, why: string, cause?: unknown): Refusal {
  return new Refusal("configuration_invalid", `the witness policy ${file} ${why}`, { cause });
}
