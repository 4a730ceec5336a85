import type { Acknowledgement, Facts } from "../../../../src/export-control/facts.ts";
import { asks, base, runs, screenedClean, workload } from "../builders.ts";
import { type Policy, paper, someone, works } from "./policy.ts";

const software = { eccn: "4D090", paragraph: "4A090.b", to: "AE" } as const;
const technology = { eccn: "4E001", paragraph: "4A001.b" } as const;
const listed = (name: string | null, more: Partial<Acknowledgement> = {}) =>
  paper("supplement-eight-entity", { eccns: null, name, ...more });
const staffOf = (...acknowledgements: readonly Acknowledgement[]) =>
  someone("US", works({ headquarters: "AE" }), { acknowledgements });
const operatedBy = (...acknowledgements: readonly Acknowledgement[]) =>
  workload({
    country: "AE",
    headquarters: "AE",
    ultimateParentHeadquarters: "AE",
    acknowledgements,
  });
const consigned = [paper("sta-eccn-furnished"), paper("sta-consignee-statement")];
const emirati = (...acknowledgements: readonly Acknowledgement[]) =>
  asks(someone("AE", { acknowledgements: [...consigned, ...acknowledgements] }), technology);

/** The same on another day, under a grant and a list of that day. */
function on(day: string, facts: Facts): Facts {
  const grant =
    base.grant === null ? null : { ...base.grant, validUntil: "2028-01-01T00:00:00.000Z" };
  const list = { ...screenedClean.list, asOf: day };
  const screening = facts.screening === null ? null : { ...facts.screening, list };
  return { ...facts, at: `${day}T12:00:00.000Z`, grant, screening };
}

// biome-ignore format: a table reads by its rows
export const listedEntities: readonly Policy[] = [
  ["3A090.b: 4D090 to the Emirates for the staff of a listed entity", "742.6(a)(6)(iii)(B); Part 740 Supp. No. 8", asks(staffOf(listed("Microsoft")), software), "allow", { "export-rs": "pass" }],
  ["3A090.b: 4D090 to the Emirates for the staff of an entity that is not listed", "742.6(a)(6)(iii)(B)", asks(staffOf(), software), "deny", { "export-rs": "fail" }],
  ["3A090.b: 4D090 to the Emirates, of whose papers nobody knows", "742.6(a)(6)(iii)(B)", asks(someone("US", works({ headquarters: "AE" })), software), "deny", { "export-rs": "fail" }],
  ["3A090.b: a paper with a name that the supplement does not have", "Part 740 Supp. No. 8", asks(staffOf(listed("Microsft")), software), "deny", { "export-rs": "fail" }],
  ["3A090.b: a paper without a name", "Part 740 Supp. No. 8", asks(staffOf(listed(null)), software), "deny", { "export-rs": "fail" }],
  ["3A090.b: the name in other capitals", "Part 740 Supp. No. 8", asks(staffOf(listed(" OPENAI ")), software), "allow", { "export-rs": "pass" }],
  ["3A090.b: the name on another kind of paper", "Part 740 Supp. No. 8", asks(staffOf(paper("official-use", { name: "Microsoft" })), software), "deny", { "export-rs": "fail" }],
  ["3A090.b: a paper on its last day", "Part 740 Supp. No. 8", asks(staffOf(listed("Microsoft", { expiresOn: "2026-11-23" })), software), "allow"],
  ["3A090.b: a paper that ended yesterday", "Part 740 Supp. No. 8", asks(staffOf(listed("Microsoft", { expiresOn: "2026-11-22" })), software), "deny", { "export-rs": "fail" }],
  ["3A090.b: a listed entity's workload in the Emirates", "742.6(a)(6)(iii)(B); Part 740 Supp. No. 8", runs(operatedBy(listed("Core42")), software), "allow", { "export-rs": "pass" }],
  ["3A090.b: an Emirati entity's workload that is not listed", "742.6(a)(6)(iii)(B)", runs(operatedBy(), software), "deny", { "export-rs": "fail" }],
  ["3A090.b: the accountable person's paper does not speak for the entity", "742.6(a)(6)(iii)(B)", runs({ ...operatedBy(), accountable: staffOf(listed("Microsoft")) }, software), "deny", { "export-rs": "fail" }],
  ["3A090.b: a listed entity with a parent in D:5", "742.6(a)(6)(iii)", runs(workload({ country: "AE", headquarters: "AE", ultimateParentHeadquarters: "CN", acknowledgements: [listed("Microsoft")] }), software), "deny", { "export-rs": "fail" }],
  ["3A090.b: a listed entity whose parent is not known", "742.6(a)(6)(iii)", asks(someone("US", works({ headquarters: "AE", parent: null }), { acknowledgements: [listed("Microsoft")] }), software), "hold", { "export-rs": "unknown" }],
  ["3A090.b: the listing helps in the Emirates alone", "742.6(a)(6)(iii)(B)", asks(staffOf(listed("Microsoft")), { ...software, to: "VN" }), "deny", { "export-rs": "fail" }],
  ["3A090.a: the higher tier does not leave a listed entity out", "742.6(a)(6)(iii)(A)", asks(staffOf(listed("Microsoft")), { ...software, paragraph: "4A090.a" }), "deny", { "export-rs": "fail" }],
  ["3A090.b: Core42 on the last day of its listing", "Part 740 Supp. No. 8, until 2027-04-06", on("2027-04-06", runs(operatedBy(listed("Core42")), software)), "allow", { "export-rs": "pass" }],
  ["3A090.b: Core42 on the day after", "Part 740 Supp. No. 8, until 2027-04-06", on("2027-04-07", runs(operatedBy(listed("Core42")), software)), "deny", { "export-rs": "fail" }],
  ["3A090.b: G42 on the last day of its listing", "Part 740 Supp. No. 8, until 2027-04-06", on("2027-04-06", runs(operatedBy(listed("G42")), software)), "allow"],
  ["3A090.b: G42 on the day after", "Part 740 Supp. No. 8, until 2027-04-06", on("2027-04-07", runs(operatedBy(listed("G42")), software)), "deny"],
  ["3A090.b: a listing without an end goes on", "Part 740 Supp. No. 8", on("2027-04-07", runs(operatedBy(listed("Oracle")), software)), "allow"],
  ["3A090.b: on the first day for which the listing is known", "Part 740 Supp. No. 8; 91 FR 43038", on("2026-07-23", runs(operatedBy(listed("Oracle")), software)), "allow"],
  ["3A090.b: on the day before", "Part 740 Supp. No. 8; 91 FR 43038", on("2026-07-22", runs(operatedBy(listed("Oracle")), software)), "deny"],
  ["STA: to an Emirati on the staff of a listed entity", "740.2(a)(26); Part 740 Supp. No. 8", emirati(listed("Google")), "allow", { "deemed-export-ns": "covered" }, ["exception-sta-c-1"]],
  ["STA: to an Emirati with a name that is not listed", "740.2(a)(26)", emirati(listed("Somebody")), "deny", { "deemed-export-ns": "fail" }, []],
  ["STA: to the Emirates for a listed entity's workload", "740.2(a)(26)", runs(operatedBy(...consigned, listed("xAI")), { ...technology, to: "AE" }), "allow", { "export-ns": "covered" }, ["exception-sta-c-1"]],
  ["STA: to the Emirates for a workload of an entity that is not listed", "740.2(a)(26)", runs(operatedBy(...consigned), { ...technology, to: "AE" }), "deny", { "export-ns": "fail" }, []],
  ["STA: a listed entity without the consignee statement", "740.20(d)(2); 740.2(a)(26)", runs(operatedBy(paper("sta-eccn-furnished"), listed("xAI")), { ...technology, to: "AE" }), "deny", { "export-ns": "fail" }, []],
  ["STA: Core42 on the last day of its listing", "740.2(a)(26), until 2027-04-06", on("2027-04-06", emirati(listed("Core42"))), "allow", {}, ["exception-sta-c-1"]],
  ["STA: Core42 on the day after", "740.2(a)(26), until 2027-04-06", on("2027-04-07", emirati(listed("Core42"))), "deny", { "deemed-export-ns": "fail" }, []],
];
