import { Refusal } from "../errors.ts";
import type { Role } from "../identity/token.ts";
import { historyOf } from "../ledger/outbox.ts";
import { type Indispensable, lackingRoles } from "./governors.ts";
import { assertAsRecorded, recordedRow } from "./row.ts";
import { type IssuedToken, insertToken } from "./token.ts";
import { record, secondsAfter, type Tx, type Vault } from "./vault.ts";

/** Long enough to issue the next tokens, and not to be kept. */
const lifetimeSeconds = 86_400;

export type Recovered = IssuedToken & {
  readonly person: string;
  readonly roles: readonly Role[];
  /** The entry's submission: the token's text is shown when the ledger covers it. */
  readonly submission: bigint;
};

type Candidate = { readonly person: string; readonly principal: string; readonly roles: Role[] };

/**
 * Gives a governing role back that nobody holds any more, because every token with it has expired: to a person who stands, and whose own
 * token with that role expired and was not revoked. It is for whoever runs the server; nobody asks for it over HTTP. Refuses with `conflict`
 * while somebody holds a live token with each such role, and where nobody, or more than one person, comes into question and none is named.
 */
export async function recoverGovernor(
  vault: Pick<Vault, "database" | "ledger" | "now">,
  wanted: string | null,
): Promise<Recovered> {
  return await record(vault, async (tx) => {
    const now = vault.now();
    const lacking = await lackingRoles(tx, now);
    if (lacking.length === 0) {
      throw new Refusal(
        "conflict",
        "there are live tokens with the roles export-officer and operator: who holds them issues the next",
      );
    }
    const candidate = chosen(await candidates(tx, lacking, now), wanted);
    await assertTheirs(tx, candidate);
    const { person, principal, roles } = candidate;
    const expiresAt = secondsAfter(now, lifetimeSeconds);
    const issued = await insertToken(tx, { principal, roles, expiresAt }, null, now, "recovered");
    return { ...issued, person, roles };
  });
}

/** Who stands and once held a role that is lacking, by a token that nobody revoked; most lately expired first. */
async function candidates(
  tx: Tx,
  lacking: readonly Indispensable[],
  now: Date,
): Promise<readonly Candidate[]> {
  const tokens = await tx
    .selectFrom("token")
    .innerJoin("principal", "principal.id", "token.principal")
    .innerJoin("person", "person.id", "principal.person")
    .select(["person.id as person", "principal.id as principal", "token.roles"])
    .where("token.revoked_at", "is", null)
    .where("token.expires_at", "<=", now)
    .where("person.state", "=", "active")
    .orderBy("token.expires_at", "desc")
    .orderBy("token.id")
    .execute();
  const found = new Map<string, Candidate>();
  for (const { person, principal, roles } of tokens) {
    const lost = lacking.filter((role) => roles.includes(role));
    if (lost.length === 0) continue;
    const before = found.get(person)?.roles ?? [];
    found.set(person, { person, principal, roles: [...new Set([...before, ...lost])] });
  }
  return [...found.values()];
}

function chosen(all: readonly Candidate[], wanted: string | null): Candidate {
  const fitting = wanted === null ? all : all.filter(({ person }) => person === wanted);
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return only;
  const ids = all.map(({ person }) => person).join(", ");
  if (all.length === 0)
    throw new Refusal("conflict", "nobody who stands held the role by a token that expired");
  throw new Refusal(
    "conflict",
    wanted === null
      ? `name the person: one of ${ids}`
      : `that person did not hold the role by a token that expired; these did: ${ids}`,
  );
}

/** The rows that name the candidate are held against the ledger: a forged token or person gets nothing. */
async function assertTheirs(tx: Tx, { person, principal, roles }: Candidate): Promise<void> {
  const row = await tx
    .selectFrom("person")
    .selectAll()
    .where("id", "=", person)
    .forShare()
    .executeTakeFirstOrThrow();
  await assertAsRecorded(tx, [recordedRow("person", row)]);
  const tokens = await tx
    .selectFrom("token")
    .select("id")
    .where("principal", "=", principal)
    .execute();
  const held = new Set<unknown>();
  for (const { id } of tokens) {
    const history = await historyOf(tx, id);
    const [issued] = history;
    if (history.length !== 1 || issued?.body["principal"] !== principal) continue;
    for (const role of rolesIn(issued.body["roles"])) held.add(role);
  }
  if (roles.every((role) => held.has(role))) return;
  throw new Refusal("record_tampered", "a token's row says more than its ledger entry");
}

function rolesIn(roles: unknown): readonly unknown[] {
  return Array.isArray(roles) ? roles : [];
}
