import { Refusal } from "../errors.ts";
import type { LicenseScope } from "../export-control/facts.ts";
import type { Rulebook } from "../export-control/rulebook.ts";
import type { Tx } from "./vault.ts";

/** A member of a license's scope that would make it authorize nothing, and why. */
export type ScopeProblem = { readonly member: string; readonly says: string };

type Codes = Pick<Rulebook, "entries" | "countries" | "regimes">;

/**
 * Refuses a scope that could never hold a release: mistyped, it would stand among the licenses and nobody would see that it authorizes nothing. Names every problem
 * at once. Throws `license_scope_unusable`.
 */
export async function assertUsable(tx: Tx, rulebook: Codes, scope: LicenseScope): Promise<void> {
  const problems = [
    ...emptyMembers(scope),
    ...unknownCodes(rulebook, scope),
    ...(await unknownRepositories(tx, scope.repositories)),
  ];
  if (problems.length === 0) return;
  const says = problems.map((problem) => problem.says).join(" ");
  throw new Refusal("license_scope_unusable", says, { members: { problems } });
}

/** Lists that name nothing, where null would have stood for everything. */
function emptyMembers(scope: LicenseScope): readonly ScopeProblem[] {
  const {
    eccns,
    controls = [],
    destinations,
    nationalities,
    repositories,
    parties,
    reasons,
  } = scope;
  const named = parties === null ? null : Object.values(parties).flat();
  return [
    ...problemIf(eccns.length + controls.length === 0, "eccns", "It names no item."),
    ...problemIf(
      destinations.length === 0 && nationalities.length === 0,
      "destinations",
      "It names neither a destination nor a nationality, so it authorizes no release.",
    ),
    ...problemIf(
      repositories?.length === 0,
      "repositories",
      "Its list of repositories is empty; null stands for all that are so classified.",
    ),
    ...problemIf(
      named?.length === 0,
      "parties",
      "Its lists of parties are empty; null stands for a license that names none.",
    ),
    ...problemIf(
      reasons?.length === 0,
      "reasons",
      "Its list of reasons for control is empty; null stands for all of them.",
    ),
  ];
}

function problemIf(isSo: boolean, member: string, says: string): readonly ScopeProblem[] {
  return isSo ? [{ member, says }] : [];
}

/** ECCNs and countries that the rulebook does not have. A release can be decided on none of them. */
function unknownCodes(
  { entries, countries, regimes = [] }: Codes,
  scope: LicenseScope,
): readonly ScopeProblem[] {
  const items = new Set(["EAR99", ...entries.map(({ eccn }) => eccn)]);
  const territories = regimes.flatMap(({ territory }) => territory);
  const codes = new Set([...countries.map(({ code }) => code), ...territories]);
  const places = (["destinations", "nationalities"] as const).flatMap((member) =>
    scope[member]
      .filter((code) => !codes.has(code))
      .map((code) => ({ member, says: `The rulebook has no country ${code}.` })),
  );
  return [
    ...scope.eccns
      .filter((eccn) => !items.has(eccn))
      .map((eccn) => ({
        member: "eccns",
        says: `The rulebook has no entry ${eccn}; an entry is stated without its paragraph.`,
      })),
    ...places,
  ];
}

async function unknownRepositories(
  tx: Tx,
  names: LicenseScope["repositories"],
): Promise<readonly ScopeProblem[]> {
  if (names === null || names.length === 0) return [];
  const rows = await tx.selectFrom("repository").select(["namespace", "name"]).execute();
  const known = new Set(rows.map(({ namespace, name }) => `${namespace}/${name}`));
  return names
    .filter((each) => !known.has(each))
    .map((each) => ({ member: "repositories", says: `There is no repository ${each}.` }));
}
