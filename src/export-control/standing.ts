import type { PersonFacts } from "./facts.ts";
import { type Case, type Finding, fail, pass, unknown } from "./finding.ts";
import { instantMs } from "./time.ts";

/** Need to know: a grant that stands at the instant of the decision. */
export function checkGrant({ facts: { at, grant } }: Case): Finding {
  const citation = "The operator's own rule: need to know";
  const renew = "An officer makes or renews the grant.";
  if (grant === null) {
    const reason = "No grant gives the subject a need to know this repository.";
    return fail("grant", { citation, reason, remedy: renew });
  }
  if (grant.state !== "active") {
    return fail("grant", { citation, reason: `The grant is ${grant.state}.`, remedy: renew });
  }
  const [now, from, until] = [at, grant.validFrom, grant.validUntil].map(instantMs);
  if (now == null || from == null || until == null) {
    return unknown("grant", {
      citation,
      reason: "The times of the grant or of the decision cannot be read.",
      remedy: "Record the grant with ISO 8601 times in UTC.",
    });
  }
  if (now < from) {
    return fail("grant", { citation, reason: "The grant has not begun.", remedy: renew });
  }
  if (now >= until)
    return fail("grant", { citation, reason: "The grant has ended.", remedy: renew });
  return pass("grant", { citation, reason: "A grant is in force." });
}

/** Whether the subject, and everyone who stands behind it, is active. */
export function checkSubject({ facts: { subject } }: Case): Finding {
  const citation = "The operator's own register of persons, workloads and entities";
  const standings: readonly (readonly [who: string, state: PersonFacts["state"]])[] =
    subject.kind === "person"
      ? [["person", subject.person.state]]
      : [
          ["workload", subject.workload.state],
          ["entity that operates the workload", subject.workload.entity.state],
          ["person accountable for the workload", subject.workload.accountable.state],
        ];
  const stopped = standings.filter(([, state]) => state !== "active" && state !== "erased");
  if (stopped.length > 0) {
    return fail("subject", {
      citation,
      reason: `${stopped.map(([who, state]) => `The ${who} is ${state}.`).join(" ")}`,
      remedy: "An officer reinstates whoever is suspended; what is revoked stays so.",
    });
  }
  if (standings.some(([, state]) => state === "erased")) {
    return unknown("subject", {
      citation: "15 CFR 762.6",
      reason: "The person's facts were erased after their retention had run: nothing is known.",
      remedy: "An officer records the person anew.",
    });
  }
  const all = standings.map(([who]) => `the ${who}`).join(", ");
  return pass("subject", { citation, reason: `Active: ${all}.` });
}
