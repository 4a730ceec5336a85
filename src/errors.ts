/**
 * The catalogue of refusals: every code that this product answers with, its HTTP status, its title and what the caller can do.
 * Codes are stable: clients branch on them. 4xx refuses the request, 503 is an outage, 500 is a bug of ours.
 */
export const refusals = {
  malformed_json: [400, "The body is not JSON", "Send a body that parses as JSON in UTF-8."],
  invalid_request: [
    400,
    "The request does not fit its schema",
    "Correct what `detail` and `errors` name; /openapi.json describes the request.",
  ],
  malformed_http: [
    400,
    "The request is not well-formed HTTP/1.1",
    "Send well-formed HTTP/1.1; percent-encode every byte of the address that is not ASCII.",
  ],
  invalid_path: [
    400,
    "The file path is not allowed",
    "Use a relative UTF-8 path of at most 1,024 bytes with no empty, '.' or '..' segment and no control character.",
  ],
  invalid_name: [
    400,
    "The name is not allowed",
    "Use letters, digits, '.', '_' and '-', starting with a letter or digit, at most 96 characters.",
  ],
  digest_mismatch: [
    400,
    "The bytes do not have the declared SHA-256",
    "Compute the digest again and send the file again.",
  ],
  size_mismatch: [
    400,
    "The bytes do not have the declared size",
    "Declare the exact size and send the whole file again.",
  ],
  digest_required: [
    400,
    "A part must come with its SHA-256",
    "Send Content-Digest: sha-256=:<base64>: over the bytes of the part.",
  ],
  part_out_of_range: [
    400,
    "The file has no part of this number",
    "Number the parts from 1 to the object's `parts`, in the order of their bytes.",
  ],
  upload_interrupted: [
    400,
    "The upload ended before its declared size",
    "Send the file again; nothing of it was kept.",
  ],
  invalid_recipient_key: [
    400,
    "The recipient key is not a P-256 public key",
    "Send the uncompressed point, 65 bytes, as base64url.",
  ],
  justification_required: [
    400,
    "The classification is not the one that its datasheet or its bases lead to",
    "Propose one of `candidates` and state what the sheet states (`contradictions` names what it does not, and each of `bases` that is classified more strictly), or say in `justification` why the item is classified otherwise.",
  ],
  model_signature_invalid: [
    400,
    "The model signature does not hold for this revision",
    "Sign the revision's files again with OpenSSF Model Signing v1.0, by a P-256, P-384 or P-521 key or its certificate, and send that bundle.",
  ],
  license_scope_unusable: [
    400,
    "The license could authorize no release",
    "Correct each member that `problems` names as the paper has it: repositories that exist, entries and countries of the rulebook, at least one destination or nationality.",
  ],
  not_authenticated: [
    401,
    "No valid token came with the request",
    "Send `Authorization: Bearer <token>` with a token that is issued, not expired and not revoked.",
  ],
  token_expired: [401, "The token has expired", "Ask an operator for a new token."],
  role_missing: [
    403,
    "The token lacks the role that this route needs",
    "Use a token with one of the roles named in `roles`.",
  ],
  model_signature_untrusted: [
    403,
    "The model signature is not by a signer that this vault trusts",
    "Have the operator add the signer's key, or the root of its certificate, to WEIGHTVAULT_MODEL_SIGNING_KEYS.",
  ],
  principal_suspended: [
    403,
    "The principal is suspended or revoked",
    "Ask an export officer: a suspension can be lifted, a revocation cannot.",
  ],
  two_person_rule: [
    403,
    "A second person has to do this",
    "Have another export officer do it; nobody approves, activates or grants for themselves.",
  ],
  release_denied: [
    403,
    "The export decision denies this release",
    "Read `decision.checks`: each failed check names its citation and what would change it.",
  ],
  release_held: [
    403,
    "The export decision holds this release until facts are known",
    "Have an export officer supply the facts that `decision.checks` names as unknown.",
  ],
  release_stopped: [
    403,
    "An authorization behind this release no longer stands",
    "Request a new release; its decision will name what changed.",
  ],
  state_unmovable: [
    409,
    "It cannot make that change from its present state",
    "Read its present state; what is revoked or expired stays so.",
  ],
  last_officer: [
    409,
    "Nobody could govern the vault afterwards",
    "Give another person a token with the role that would be lost, then try again.",
  ],
  grant_would_not_pass: [
    409,
    "The grant would be suspended again",
    "Read what stands in its way with `weightvault risk <grant>`, change that, then reinstate the grant.",
  ],
  retention_running: [
    409,
    "The records must be kept longer",
    "Wait until `retainedUntil` has passed: 15 CFR 762.6 counts from the latest event.",
  ],
  record_held: [
    409,
    "A hold forbids the destruction of these records",
    "Have the holds named in `holds` lifted first; an agency's request takes its written authorization (15 CFR 762.6(b)).",
  ],
  still_in_use: [
    409,
    "The person still takes part in something that stands",
    "End what `standing` names first: tokens, grants, licenses, workloads and the classifications that rest on the person.",
  ],
  erased: [
    410,
    "It was erased after its retention had run",
    "Nothing brings it back; the ledger keeps the decisions and the entry that erased it.",
  ],
  shredded: [
    410,
    "The weights were shredded by two officers",
    "Nothing brings them back; the ledger keeps their manifests, decisions and the entry that shredded them. Use another revision, or upload the file anew.",
  ],
  backup_retention_unstated: [
    409,
    "Nobody stated how long database backups are kept",
    "Have an operator set WEIGHTVAULT_BACKUP_RETENTION_DAYS (0 where there are none): the entry says until when a backup still holds the keys.",
  ],
  not_found: [
    404,
    "There is no such thing, or you may not know of it",
    "Check the address, the identifiers and your token's roles.",
  ],
  method_not_allowed: [
    405,
    "The address does not answer this method",
    "Use one of the methods in the Allow header.",
  ],
  request_timeout: [
    408,
    "The body did not come in time",
    "Send the whole JSON body within 30 seconds.",
  ],
  already_exists: [409, "It exists already", "Use the existing one, or another name."],
  conflict: [
    409,
    "The present state is another one",
    "Read it; try again only where it is not yet as you want it.",
  ],
  upload_closed: [409, "The upload is no longer open", "Open a new upload."],
  parts_missing: [
    409,
    "Parts of the file are not held",
    "Send the parts that `parts` names (the object's address lists those that are held), then complete the file again.",
  ],
  direct_unavailable: [
    409,
    "The store takes no parts past the vault",
    "Send the file's parts to the vault itself.",
  ],
  digest_declared: [
    409,
    "What the files hold is declared by their uploader and not proved yet",
    "Ask again when the vault has read them, which it does by itself; WEIGHTVAULT_RELEASE_DECLARED=allow does not wait, where the repository's policy does not demand it.",
  ],
  digest_refuted: [
    409,
    "A file does not hold what its uploader declared",
    "Upload the file again and commit it anew: this object is never released.",
  ],
  multipart_gone: [
    409,
    "The store no longer holds what came of the file",
    "Read the object's address, send the parts that are not held, then complete the file again.",
  ],
  file_not_uploaded: [
    409,
    "The commit names a file that was not uploaded",
    "Upload the file into this upload, or leave it out of the commit.",
  ],
  lineage_base_unknown: [
    409,
    "The lineage names a base that is not in this vault, or that you may not know of",
    "Name revisions of this vault by namespace/name and the 40 hexadecimal digits; leave out what was made elsewhere.",
  ],
  parent_moved: [
    409,
    "The repository's head is not the commit's parent",
    "Read the head revision, rebuild the commit on it and try again.",
  ],
  length_required: [
    411,
    "The size must be declared",
    "Send Content-Length; chunked bodies are not taken for files.",
  ],
  precondition_failed: [
    412,
    "The precondition of the request does not hold",
    "Read the present ETag and send the request with it, or without If-Match.",
  ],
  payload_too_large: [
    413,
    "The body is too large",
    "Keep JSON bodies under 1 MiB and files under 5 TiB.",
  ],
  unsupported_media_type: [
    415,
    "The body's content type is not taken here",
    "Send application/json, or application/octet-stream for file bytes.",
  ],
  range_not_satisfiable: [
    416,
    "The range lies outside the file",
    "Ask for a range within the size given in Content-Range.",
  ],
  byte_budget_spent: [
    429,
    "The grant's byte budget is spent",
    "Ask an export officer to raise the budget of the grant.",
  ],
  database_unavailable: [
    503,
    "The database cannot serve now",
    "Try again later; operators see the cause in the server's log.",
  ],
  database_full: [
    507,
    "The database's disk is full",
    "Ask the operator to make room for the database, then try again; nothing was recorded.",
  ],
  store_unavailable: [
    503,
    "The blob store cannot serve now",
    "Try again later; operators see the cause in the server's log.",
  ],
  store_full: [
    507,
    "The blob store is full",
    "Ask the operator to make room, then send the file again; nothing of it was kept.",
  ],
  custodian_unavailable: [
    503,
    "The key custodian cannot serve now",
    "Try again later; operators see the cause in the server's log.",
  ],
  signer_unavailable: [
    503,
    "The checkpoint signer cannot serve now",
    "Try again later; operators see the cause in the server's log.",
  ],
  ledger_unavailable: [
    503,
    "The ledger did not record the entry in time, so nothing was released",
    "Try again later; operators see the cause in the server's log.",
  ],
  ledger_full: [
    503,
    "Too many entries wait for their place in the ledger",
    "Try again after the time in Retry-After; operators see how many wait, and can raise WEIGHTVAULT_LEDGER_QUEUE.",
  ],
  witnesses_unavailable: [
    503,
    "The witnesses did not cosign the entry's checkpoint in time, so nothing was released",
    "Try again later; operators see in the server's log which witness does not answer.",
  ],
  timestamp_unavailable: [
    503,
    "The time-stamping authority cannot be reached now",
    "It is asked again in a while, and nothing waits for a timestamp.",
  ],
  timestamp_refused: [
    503,
    "The time-stamping authority gave no timestamp that verifies",
    "Read in the server's log what it answered; nothing waits for a timestamp.",
  ],
  screening_unavailable: [
    503,
    "No current denied-party list is loaded",
    "Ask the operator to load a list that is not older than the vault admits.",
  ],
  records_unready: [
    503,
    "The index of records is still being made",
    "Try again later: the vault goes on indexing by itself, and a search before its end could miss records.",
  ],
  shutting_down: [
    503,
    "The server is shutting down",
    "Try again; another node or the restarted server answers.",
  ],
  object_corrupt: [
    500,
    "A sealed object fails its integrity check",
    "Report it to the operator: the stored bytes were damaged or changed. Nothing unverified was given out.",
  ],
  object_missing: [
    500,
    "A sealed object is not in the store",
    "Report it to the operator: the store lost an object.",
  ],
  custodian_refused: [
    500,
    "The key custodian refuses the vault",
    "Report it to the operator: trying again does not help until the key's state, its policy or the vault's credentials are mended.",
  ],
  signer_refused: [
    500,
    "The checkpoint signer refuses the vault",
    "Report it to the operator: trying again does not help until the key's state, its policy or the vault's credentials are mended.",
  ],
  wrapped_key_rejected: [
    500,
    "A wrapped key does not open in its context",
    "Report it to the operator: a stored key was damaged, swapped or wrapped elsewhere.",
  ],
  record_tampered: [
    500,
    "A stored record differs from its latest ledger entry",
    "Report it to the operator and an auditor: the database was changed behind the vault.",
  ],
  internal: [500, "The server met a bug of its own", "Report the request id to the operator."],
  ledger_diverged: [
    500,
    "The ledger's database is not the one that was published",
    "Report it to the operator and an auditor: nothing is recorded or released before the two agree; the server's log says what was done.",
  ],
  configuration_invalid: [
    500,
    "The configuration is not usable",
    "Correct the settings named in the message.",
  ],
} as const satisfies Record<string, readonly [status: number, title: string, remedy: string]>;

export type RefusalCode = keyof typeof refusals;

export type RefusalOptions = {
  readonly cause?: unknown;
  /** Members that go onto the wire beside the code, for example `decision` or `errors`. Never a secret, never a personal fact. */
  readonly members?: Readonly<Record<string, unknown>>;
};

/** The one error class: `message` becomes `detail` on the wire, `cause` is for the log alone. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: RefusalCode;
  readonly members: Readonly<Record<string, unknown>>;

  constructor(code: RefusalCode, message: string, options: RefusalOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.members = options.members ?? {};
  }

  get status(): number {
    return refusals[this.code][0];
  }

  get title(): string {
    return refusals[this.code][1];
  }

  get remedy(): string {
    return refusals[this.code][2];
  }
}

/** Whether a thrown value is a refusal, of one of the given codes where any are given. */
export function isRefusal(thrown: unknown, ...codes: readonly RefusalCode[]): thrown is Refusal {
  return thrown instanceof Refusal && (codes.length === 0 || codes.includes(thrown.code));
}
