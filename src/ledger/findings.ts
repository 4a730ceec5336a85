/** What a verifier can find, and whether it condemns the ledger. Codes are stable: auditors' tools branch on them. */
export const findingCodes = {
  checkpoint_missing: "error",
  checkpoint_malformed: "error",
  checkpoint_unsigned: "error",
  checkpoint_forged: "error",
  origin_mismatch: "error",
  older_checkpoint_invalid: "error",
  /** Two checkpoints of one size have different roots. */
  fork: "error",
  /** The ledger is smaller than it was. */
  rolled_back: "error",
  /** Two neighbours of a series of checkpoints are not there. */
  checkpoints_missing: "error",
  /** A series of checkpoints that is not in order, or holds what is none. */
  series_malformed: "error",
  /** A new signing key that the old one did not name. */
  key_rotation_invalid: "error",
  /** A checkpoint by a key that another had replaced. */
  key_retired: "error",
  /** The entries that an older checkpoint covers are not the ones it covered. */
  history_rewritten: "error",
  /** The policy lists logs, and none of them signed the checkpoint. */
  log_not_in_policy: "error",
  /** A cosignature under a witness's key that the key did not make. */
  cosignature_forged: "error",
  /** Too few witnesses of the policy cosigned the checkpoint. */
  quorum_missing: "error",
  /** The ledger's own ML-DSA-44 key, which was demanded, did not sign the checkpoint. */
  ml_dsa_missing: "error",
  /** A signature under that key that the key did not make. */
  ml_dsa_forged: "error",
  /** A timestamp that the authority did not give, or of a checkpoint that is not this ledger's. */
  timestamp_invalid: "error",
  /** No timestamp is there, and one was asked for. */
  timestamp_missing: "error",
  entries_missing: "error",
  entries_malformed: "error",
  entry_malformed: "error",
  index_mismatch: "error",
  /** A bundle in another's place. */
  file_moved: "error",
  chain_broken: "error",
  leaf_mismatch: "error",
  tile_missing: "error",
  tile_mismatch: "error",
  root_mismatch: "error",
  body_malformed: "error",
  verdict_mismatch: "error",
  check_failed: "error",
  outcome_without_allowed: "error",
  second_outcome: "error",
  release_decided_twice: "error",
  license_missing: "error",
  license_not_active: "error",
  grant_not_active: "error",
  person_not_active: "error",
  workload_not_active: "error",
  entity_not_active: "error",
  revoked_revived: "error",
  /** A change that the thing's earlier entries do not allow, for example an activation of what was never entered. */
  change_impossible: "error",
  /** An entry that does not say who made it, or under which token. */
  caller_missing: "error",
  /** A principal that no person's or workload's entry recorded. */
  principal_unknown: "error",
  /** A principal under another person's or workload's name than its own. */
  principal_mismatch: "error",
  /** A token that was never issued. */
  token_unknown: "error",
  token_revoked: "error",
  token_expired: "error",
  /** A token in another principal's hands than the one it was issued to. */
  token_mismatch: "error",
  /** A governing role was given back though somebody still held it, or to somebody who had not held it. */
  recovery_unfounded: "error",
  /** A token without any of the roles that such an entry takes. */
  role_missing: "error",
  /** One person did what takes two. */
  two_person_rule: "error",
  repository_unknown: "error",
  revision_unknown: "error",
  classification_not_approved: "error",
  grant_mismatch: "error",
  grant_overused: "error",
  license_overused: "error",
  /** A license that, by the disclosed facts, does not cover what was released under it. */
  license_out_of_scope: "error",
  /** More bytes than the keys of the release open. */
  bytes_exceeded: "error",
  check_repeated: "error",
  /** Other checks than the verifier was given. */
  checks_mismatch: "error",
  /** A person or evidence erased before their retention had run, or while a hold stood. */
  erased_early: "error",
  /** Weights shredded while a hold stood. */
  shredded_held: "error",
  /** A release of weights that were shredded before it. */
  shredded_released: "error",
  /** A data key handed out to be sealed under by another principal than before, or after its object was complete. */
  upload_key_released: "error",
  /** A release of an object that was found to hold other bytes than were declared. */
  refuted_released: "error",
  /** A release on an uploader's word, where the policy of the repository demanded that its files be proved. */
  declared_released: "error",
  /** What a replay of the decision by the caller found. */
  replay_differs: "error",
  /** Evidence that was erased after its retention: its decisions stand in the ledger and cannot be made again. */
  evidence_erased: "notice",
  /** An object that its uploader sealed, and that was found to hold other bytes than declared. */
  object_refuted: "notice",
  /** Weights that two officers destroyed, and until when a backup may bring their keys back. */
  weights_shredded: "notice",
  /** A shredding whose objects are not all listed yet. */
  shredding_unlisted: "notice",
  release_abandoned: "notice",
  release_unknown: "notice",
  release_open: "notice",
  unknown_kind: "notice",
  /** An entry more than a day older than one before it: clocks may step. */
  time_backwards: "notice",
  /** No series of checkpoints came with a copy of the ledger, so that none could be missed. */
  series_absent: "notice",
  /** Entries of an older vault, without a member that the verifier would look at. */
  member_absent: "notice",
} as const satisfies Record<string, "error" | "notice">;

export type FindingCode = keyof typeof findingCodes;

export type Finding = {
  readonly severity: "error" | "notice";
  readonly code: FindingCode;
  /** The entry it is about. */
  readonly index?: number;
  readonly message: string;
};

const keptOfEach = 1_000;

/** Messages quote entries, which may hold anything, a terminal's control sequences among it. */
const longestMessage = 500;

/** Collects findings: the first thousand errors and the first thousand notices, and the number of all. */
export class Findings {
  readonly #from: number;
  #kept: Finding[] = [];
  readonly #lacking = new Map<string, number>();
  readonly #carried = new Set<string>();
  #errors = 0;
  #notices = 0;

  /** Findings about entries below an index are left out. */
  constructor(fromIndex = 0) {
    this.#from = fromIndex;
  }

  get kept(): readonly Finding[] {
    return this.#kept;
  }

  get errors(): number {
    return this.#errors;
  }

  get notices(): number {
    return this.#notices;
  }

  /** Takes note that an entry has a member that older vaults did not write. */
  carry(member: string): void {
    this.#carried.add(member);
  }

  /**
   * Takes an entry without a member that older vaults did not write: an error once another entry had it, since no vault unlearns it; until then it
   * is counted, and `finish` names each such member once.
   */
  lack(member: string, { index, kind }: { readonly index: number; readonly kind: string }): void {
    if (this.#carried.has(member)) {
      const message = `${kind} lacks its ${member}, which an entry before it has`;
      return this.add("body_malformed", message, index);
    }
    this.#lacking.set(member, (this.#lacking.get(member) ?? 0) + 1);
  }

  finish(): void {
    for (const [member, times] of this.#lacking) {
      const lacking = times === 1 ? "1 entry lacks" : `${times} entries lack`;
      const message = `${lacking} ${member}, so that what it would tell was not checked`;
      this.add("member_absent", message);
    }
  }

  /** What was collected since the last drain, which begins the count anew. */
  drain(): { readonly kept: readonly Finding[]; readonly errors: number } {
    const drained = { kept: this.#kept, errors: this.#errors };
    this.#kept = [];
    [this.#errors, this.#notices] = [0, 0];
    return drained;
  }

  add(code: FindingCode, message: string, index?: number): void {
    if (index !== undefined && index < this.#from) return;
    const severity = findingCodes[code];
    const found = severity === "error" ? (this.#errors += 1) : (this.#notices += 1);
    if (found > keptOfEach) return;
    const text = message.replaceAll(/\p{Cc}/gu, "?").slice(0, longestMessage);
    this.#kept.push({ severity, code, ...(index === undefined ? {} : { index }), message: text });
  }
}
