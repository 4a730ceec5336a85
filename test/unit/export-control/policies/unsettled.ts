import { asks, held, license, naming, namingEntities, runs, workload } from "../builders.ts";
import { type Policy, someone, stating, works } from "./policy.ts";

const determined = (country: string) =>
  license(
    { eccns: ["EAR99"], nationalities: [country], parties: naming(`person-${country}`) },
    { kind: "no-license-required" },
  );
const named = (country: string) =>
  license({ eccns: ["EAR99"], nationalities: [country], parties: naming(`person-${country}`) });

// biome-ignore format: a table reads by its rows
export const unsettled: readonly Policy[] = [
  ["EAR99 to an Iranian national: the text does not say", "746.7(a)", asks(someone("IR"), { eccn: "EAR99" }), "hold", { "embargo-nationality": "unknown" }],
  ["EAR99 to an Iranian with a license that names him", "746.7(a)", asks(someone("IR"), { eccn: "EAR99", licenses: [named("IR")] }), "allow", { "embargo-nationality": "covered" }],
  ["EAR99 to an Iranian with an officer's determination, which does not settle it", "746.7(a), read strictly", asks(someone("IR"), { eccn: "EAR99", licenses: [determined("IR")] }), "hold", { "embargo-nationality": "unknown" }],
  ["EAR99 to a North Korean with a license that names her", "746.4(a)", asks(someone("KP"), { eccn: "EAR99", licenses: [named("KP")] }), "allow", { "embargo-nationality": "covered" }],
  ["EAR99 to a North Korean with an officer's determination", "746.4(a), read strictly", asks(someone("KP"), { eccn: "EAR99", licenses: [determined("KP")] }), "hold"],
  ["EAR99 to Iran itself is settled", "746.7", asks(someone("IR"), { eccn: "EAR99", to: "IR" }), "deny", { "embargo-destination": "fail", "embargo-nationality": "unknown" }],
  ["EAR99 to a German who works for an Iranian company is settled", "746.7", asks(someone("DE", works({ headquarters: "IR" })), { eccn: "EAR99" }), "deny", { "embargo-nationality": "fail" }],
  ["EAR99 to an Iranian who works for an Iranian company", "746.7", asks(someone("IR", works({ headquarters: "IR" })), { eccn: "EAR99" }), "deny", { "embargo-nationality": "fail" }],
  ["EAR99 to a workload of an Iranian entity is settled", "746.7", runs(workload({ country: "IR" }), { eccn: "EAR99" }), "deny", { "embargo-nationality": "fail" }],
  ["a license that names the workload's entity, for its Iranian accountable person", "746.7, read strictly", runs(workload({}, someone("IR")), { eccn: "EAR99", licenses: [license({ eccns: ["EAR99"], nationalities: ["IR"], parties: namingEntities("entity-1") })] }), "hold", { "embargo-nationality": "unknown" }],
  ["5D992 to an Iranian: AT is settled although 746.7 is not", "742.8", asks(someone("IR"), { eccn: "5D992", paragraph: "5D992.c" }), "deny", { "embargo-nationality": "unknown", "deemed-export-at": "fail" }],
  ["an Iranian who became Canadian later", "734.13(b)", asks(someone("IR", { citizenships: [held("IR"), held("CA", "2015-01-01")] }), { eccn: "EAR99" }), "allow", { "embargo-nationality": "pass" }],
  ["a Syrian national stays barred", "746.9, read strictly", asks(someone("SY"), { eccn: "EAR99", licenses: [determined("SY")] }), "deny", { "embargo-nationality": "fail" }],
  ["self-classified EAR99 that states no basis of determination", "4E091; 734.3(c)", stating(asks(someone("US"), { eccn: "EAR99" }), { basis: "self" }), "hold", { eccn: "unknown" }],
  ["self-classified EAR99 with a blank basis of determination", "4E091; 734.3(c)", stating(asks(someone("US"), { eccn: "EAR99" }), { basis: "self", determination: "  " }), "hold", { eccn: "unknown" }],
  ["self-classified EAR99 that states its basis of determination", "4E091; 734.3(c)", stating(asks(someone("US"), { eccn: "EAR99" }), { basis: "self", determination: "3.1e24 operations counted over all training; no entry names it" }), "allow", { eccn: "pass" }],
  ["EAR99 on counsel's advice", "734.3(c)", stating(asks(someone("US"), { eccn: "EAR99" }), { basis: "counsel" }), "allow", { eccn: "pass" }],
  ["EAR99 by a CCATS", "734.3(c)", stating(asks(someone("US"), { eccn: "EAR99" }), { basis: "CCATS" }), "allow", { eccn: "pass" }],
  ["self-classified technology of 4E992 that states no basis", "4E091", stating(asks(someone("US"), { eccn: "4E992" }), { basis: "self" }), "hold", { eccn: "unknown" }],
  ["self-classified technology of 4E992 with its basis", "4E091", stating(asks(someone("US"), { eccn: "4E992" }), { basis: "self", determination: "below 10^26; compiler technology" }), "allow", { eccn: "pass" }],
  ["self-classified 4E091 takes the higher control and needs no basis", "4E091", stating(asks(someone("US")), { basis: "self" }), "allow", { eccn: "pass" }],
  ["self-classified software of 5D992 is not taken for weights", "5D992", stating(asks(someone("US"), { eccn: "5D992", paragraph: "5D992.c" }), { basis: "self" }), "allow", { eccn: "pass" }],
  ["self-classified EAR99 that is stated to be source code", "734.3(c)", stating(asks(someone("US"), { eccn: "EAR99" }), { basis: "self", form: "source-code" }), "allow", { eccn: "pass" }],
];
