import { type CosignerKey, parseCosignerKey, verifyCosignature } from "./cosignature.ts";
import { algorithmOf } from "./key-algorithm.ts";
import { type Note, parseVerificationKey, verifyNote } from "./note.ts";
import { parseDecimal, parseUtf8 } from "./strict-text.ts";

/**
 * A C2SP tlog-policy: whose checkpoints count, and which witnesses must have cosigned one. Names are octets and hold one octet in each
 * character, so that nothing folds them; `shownName` makes one readable.
 */
export type Policy = {
  readonly logs: readonly PolicyLog[];
  readonly witnesses: readonly PolicyWitness[];
  /** In the order of the file: each names only what stands before it. */
  readonly groups: readonly PolicyGroup[];
  /** A witness or a group; `none` where no cosignature is asked for. */
  readonly quorum: string;
};

export type PolicyLog = {
  /** The key's name, which must be the log's origin. */
  readonly origin: string;
  readonly publicKey: Buffer;
  readonly url: string | null;
  /** Whether the log's key signed the checkpoint. */
  readonly hasSigned: (note: Note) => boolean;
};

export type PolicyWitness = {
  readonly name: string;
  readonly key: CosignerKey;
  readonly url: string | null;
};

export type PolicyGroup = {
  readonly name: string;
  readonly threshold: number;
  readonly members: readonly string[];
};

/** What is wrong with a policy names its line. */
export type PolicyResult = { readonly policy: Policy } | { readonly problem: string };

type Draft = {
  readonly logs: PolicyLog[];
  readonly witnesses: PolicyWitness[];
  readonly groups: PolicyGroup[];
  readonly names: Set<string>;
  readonly members: Set<string>;
  quorum: string | null;
};

/** A longer policy is refused unread. */
export const maximumPolicyBytes = 1_000_000;

/** Of logs, witnesses and groups each: the specification asks for 32, and a note holds a hundred signatures. */
const mostOfEach = 64;

/** Parses a policy file. Every octet, line and name is as the specification says, or nothing of the file is taken. */
export function parsePolicy(bytes: Uint8Array): PolicyResult {
  if (bytes.length > maximumPolicyBytes) return { problem: "the policy is longer than a megabyte" };
  const text = Buffer.from(bytes).toString("latin1");
  // oxlint-disable-next-line no-control-regex -- the format forbids exactly these
  if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text))
    return {
      problem: text.includes("\r")
        ? "the policy has a carriage return, which is a control character: its lines end with a newline alone"
        : "the policy has a control character other than tab and newline",
    };
  if (text !== "" && !text.endsWith("\n"))
    return { problem: "the policy's last line does not end with a newline" };
  const draft: Draft = {
    logs: [],
    witnesses: [],
    groups: [],
    names: new Set(["none"]),
    members: new Set(),
    quorum: null,
  };
  for (const [at, line] of text.split("\n").entries()) {
    const items = line.split(/[ \t]+/).filter((item) => item !== "");
    const problem = items.length === 0 || items[0]?.startsWith("#") ? null : takeLine(draft, items);
    if (problem !== null) return { problem: `line ${at + 1}: ${problem}` };
  }
  const { logs, witnesses, groups, quorum } = draft;
  if (quorum === null) return { problem: "the policy has no quorum line" };
  return { policy: { logs, witnesses, groups, quorum } };
}

/** Whether these witnesses, by their names in the policy, are a quorum of it. */
export function isQuorum(
  { groups, quorum }: Pick<Policy, "groups" | "quorum">,
  signed: ReadonlySet<string>,
): boolean {
  const witnessed = new Set([...signed, "none"]);
  for (const { name, threshold, members } of groups) {
    if (members.filter((member) => witnessed.has(member)).length >= threshold) witnessed.add(name);
  }
  return witnessed.has(quorum);
}

/** The names in the policy of the witnesses whose keys truly cosigned the note. */
export function signedWitnesses({ witnesses }: Pick<Policy, "witnesses">, note: Note): Set<string> {
  return new Set(
    witnesses
      .filter(({ key }) => verifyCosignature(note, key).verdict === "verified")
      .map(({ name }) => name),
  );
}

/** A name of a policy as text; octets that are not UTF-8 are replaced. */
export function shownName(name: string): string {
  return Buffer.from(name, "latin1").toString("utf8");
}

function takeLine(draft: Draft, [keyword = "", ...items]: readonly string[]): string | null {
  switch (keyword) {
    case "log":
      return takeLog(draft, items);
    case "witness":
      return takeWitness(draft, items);
    case "group":
      return takeGroup(draft, items);
    case "quorum":
      return takeQuorum(draft, items);
    default:
      return `${JSON.stringify(shownName(keyword))} is not log, witness, group or quorum`;
  }
}

function takeLog({ logs }: Draft, [vkey, url, ...more]: readonly string[]): string | null {
  if (vkey === undefined || more.length > 0) return "a log is `log <vkey> [<url>]`";
  const log = parseLog(octets(vkey), url === undefined ? null : shownName(url));
  if (log === null) return "the log's key is not an Ed25519 (01) or ML-DSA-44 (06) vkey";
  if (logs.some(({ publicKey }) => publicKey.equals(log.publicKey)))
    return "the log's public key stands in the policy twice";
  return put(logs, log, "logs");
}

function takeWitness(
  { witnesses, names }: Draft,
  [name, vkey, url, ...more]: readonly string[],
): string | null {
  if (name === undefined || vkey === undefined || more.length > 0)
    return "a witness is `witness <name> <vkey> [<url>]`";
  const key = parseCosignerKey(octets(vkey) ?? "");
  if (key === null) return "the witness's key is not a cosigner's vkey (04 or 06)";
  if (witnesses.some((other) => other.key.publicKey.equals(key.publicKey)))
    return "the witness's public key stands in the policy twice";
  if (names.has(name)) return taken(name);
  names.add(name);
  return put(witnesses, { name, key, url: url === undefined ? null : shownName(url) }, "witnesses");
}

function takeGroup(
  { groups, names, members: grouped }: Draft,
  [name, count, ...members]: readonly string[],
): string | null {
  if (name === undefined || count === undefined || members.length === 0)
    return "a group is `group <name> all|any|<k> <name>...`";
  const threshold = thresholdOf(count, members.length);
  if (threshold < 1 || threshold > members.length)
    return `the threshold is not all, any or a number from 1 to ${members.length}`;
  for (const member of members) {
    if (member === "none" || !names.has(member))
      return `${JSON.stringify(shownName(member))} is not defined before`;
    if (grouped.has(member))
      return `${JSON.stringify(shownName(member))} is a member of a group already`;
    grouped.add(member);
  }
  if (names.has(name)) return taken(name);
  names.add(name);
  return put(groups, { name, threshold, members }, "groups");
}

/** 0 for what is no threshold. */
function thresholdOf(count: string, members: number): number {
  if (count === "all") return members;
  return count === "any" ? 1 : (parseDecimal(count) ?? 0);
}

function takeQuorum(draft: Draft, [name, ...more]: readonly string[]): string | null {
  if (name === undefined || more.length > 0) return "a quorum is `quorum <name>`";
  if (draft.quorum !== null) return "the policy has a second quorum line";
  if (!draft.names.has(name)) return `${JSON.stringify(shownName(name))} is not defined before`;
  draft.quorum = name;
  return null;
}

function put<Each>(list: Each[], each: Each, what: string): string | null {
  list.push(each);
  return list.length > mostOfEach ? `the policy has more than ${mostOfEach} ${what}` : null;
}

function taken(name: string): string {
  return `the name ${JSON.stringify(shownName(name))} is taken`;
}

/** The text of octets that are UTF-8, as key names in notes have to be. */
function octets(item: string): string | null {
  return parseUtf8(Buffer.from(item, "latin1"));
}

/** A log signs its checkpoints as notes under Ed25519, or as its own first cosigner under ML-DSA-44 (C2SP tlog-checkpoint); one of ECDSA keys has no place in a policy. */
function parseLog(vkey: string | null, url: string | null): PolicyLog | null {
  const noteKey = parseVerificationKey(vkey ?? "");
  if (noteKey !== null && algorithmOf(noteKey.publicKey) === "ed25519") {
    const { name: origin, publicKey } = noteKey;
    return {
      origin,
      publicKey,
      url,
      hasSigned: (note) => verifyNote(note, noteKey) === "verified",
    };
  }
  const key = parseCosignerKey(vkey ?? "");
  if (key?.algorithm !== "ml-dsa-44") return null;
  const { name: origin, publicKey } = key;
  const hasSigned = (note: Note) => verifyCosignature(note, key).verdict === "verified";
  return { origin, publicKey, url, hasSigned };
}
