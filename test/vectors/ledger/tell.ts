import type { Canonical } from "../../../src/crypto/canonical-json.ts";
import { type Report, type VerifyOptions, verifyLedger } from "../../../src/ledger/verify.ts";
import { encodeAll, filesOf, fixedSigner, memorySource, type Recorded } from "./build.ts";
import {
  beginning,
  decided,
  entered,
  granted,
  idOf,
  made,
  principalOf,
  record,
  tokenOf,
} from "./story.ts";

export const signer = fixedSigner(7);
export const { verificationKey } = signer;

/** A ledger that is whole, properly signed, and tells this story. */
export async function verifyStory(
  records: readonly Recorded[],
  options: Partial<VerifyOptions> = {},
): Promise<Report> {
  const source = memorySource(await filesOf(encodeAll(records), signer));
  return verifyLedger(source, { verificationKey, ...options });
}

export const told = (...records: readonly Recorded[]): readonly Recorded[] => [
  ...beginning,
  ...records,
];
export const allowed = (replaced: Parameters<typeof decided>[2] = {}): Recorded =>
  decided("allowed", "r", replaced);
export const end = (verb: string, name = "r", bytes: Canonical = "1"): Recorded =>
  record(`release.${verb}`, { release: idOf(name), bytes, reason: "x" });
export const revoke = (name: string, by = "officer"): Recorded =>
  record("token.revoked", { token: tokenOf(name), ...made(by) });

/** A release to the workload, under a grant of its own. */
export const jobGrant = granted("job's grant", { principal: principalOf("training job") });
export const toJob = (replaced: Parameters<typeof decided>[2] = {}): Recorded =>
  allowed({
    principal: principalOf("training job"),
    person: idOf("second officer"),
    workload: idOf("training job"),
    token: tokenOf("training job"),
    grant: idOf("job's grant"),
    ...replaced,
  });

/** The beginning with one entry replaced, by what an attacker would rather have had there. */
export const instead = (kind: string, ...others: readonly Recorded[]): readonly Recorded[] =>
  beginning.flatMap((recorded) => (recorded.kind === kind ? others : [recorded]));
export const without = (body: Recorded["body"], ...names: readonly string[]): Recorded["body"] =>
  Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)));
export const narrow = (releasesAllowed: number): readonly Recorded[] =>
  instead("license.entered", entered("license", releasesAllowed));
export const budget = (bytesAllowed: Canonical): readonly Recorded[] =>
  instead("grant.made", granted("grant", { bytesAllowed }));
export const streamed = { way: "stream" };
export const until = (kind: string): readonly Recorded[] =>
  beginning.slice(
    0,
    beginning.findIndex((recorded) => recorded.kind === kind),
  );
