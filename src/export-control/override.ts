import type { Override, Requirement } from "./rulebook/rule.ts";
import type { RulebookContent } from "./rulebook.ts";
import { calendarDate, instantMs } from "./time.ts";

const hourMs = 3_600_000;

/**
 * What the operator's overrides do to a requirement at an instant: null where none has effect then. Where one sets it aside and another enforces
 * it, it is enforced.
 */
export function overriding(
  { overrides }: Pick<RulebookContent, "overrides">,
  { id }: Pick<Requirement, "id">,
  at: string,
): Override | null {
  if (overrides.length === 0) return null;
  const having = overrides.filter((override) => override.row === id && hasEffect(override, at));
  return having.find(({ action }) => action === "enforce") ?? having[0] ?? null;
}

/**
 * Whether an override has effect at an instant. Its days are days in Washington, D.C., and are read cautiously: one that sets aside begins and
 * ends inside them in UTC and there, as a license does; one that enforces begins with the earlier midnight and ends with the later.
 */
export function hasEffect(
  { action, from, until }: Pick<Override, "action" | "from" | "until">,
  at: string,
): boolean {
  const now = instantMs(at);
  const [first, last] = [calendarDate(from), calendarDate(until)];
  // An override that cannot be dated sets nothing aside.
  if (now === null || first === null || last === null) return action === "enforce";
  const [beginMs, endMs] = [Date.parse(first), Date.parse(last) + 24 * hourMs];
  return action === "enforce"
    ? now >= beginMs && now < endMs + 5 * hourMs
    : now >= beginMs + 5 * hourMs && now < endMs;
}

/** What a check says of the overrides that touch its rows; empty where none does. */
export function sayOverrides(
  rulebook: Pick<RulebookContent, "overrides">,
  rows: readonly Requirement[],
  at: string,
): string {
  if (rulebook.overrides.length === 0) return "";
  const said = rows.flatMap((row) => {
    const override = overriding(rulebook, row, at);
    if (override === null) return [];
    const does = override.action === "enforce" ? "enforces" : "sets aside";
    return [` The operator's override ${override.id} ${does} ${row.id}.`];
  });
  return said.join("");
}
