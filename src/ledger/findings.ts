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
  /** The entries that an older checkpoint covers are not the ones it covered. */
  history_rewritten: "error",
  entries_missing: "error",
  entries_malformed: "error",
  entry_malformed: "error",
  index_mismatch: "error",
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
  /** What a replay of the decision by the caller found. */
  replay_differs: "error",
  release_abandoned: "notice",
  release_unknown: "notice",
  release_open: "notice",
  unknown_kind: "notice",
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
  readonly #kept: Finding[] = [];
  #errors = 0;
  #notices = 0;

  get kept(): readonly Finding[] {
    return this.#kept;
  }

  get errors(): number {
    return this.#errors;
  }

  get notices(): number {
    return this.#notices;
  }

  add(code: FindingCode, message: string, index?: number): void {
    const severity = findingCodes[code];
    const found = severity === "error" ? (this.#errors += 1) : (this.#notices += 1);
    if (found > keptOfEach) return;
    const text = message.replaceAll(/\p{Cc}/gu, "?").slice(0, longestMessage);
    this.#kept.push({ severity, code, ...(index === undefined ? {} : { index }), message: text });
  }
}
