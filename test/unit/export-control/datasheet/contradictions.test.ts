import { expect, test } from "@jest/globals";
import {
  type Attributes,
  contradictionsOf,
} from "../../../../src/export-control/datasheet/contradictions.ts";
import type { Datasheet } from "../../../../src/export-control/datasheet/form.ts";
import {
  about,
  circuit,
  confidentiality,
  encryption,
  hardware,
  weights,
} from "../../../support/datasheets.ts";

const nothing: Attributes = {
  form: null,
  published: null,
  statements: null,
  computer: null,
  determination: null,
};
const published = { isPublished: true, how: "https://example.org" };
const publication = { basis: "public-dissemination", on: "2026-11-01" } as const;
const chip = circuit("10", "628");
const computer = { kind: "computer", circuits: [chip] };
const ciphers = [confidentiality("symmetric", "128")];
const use = { peakPerformanceWt: 10, purpose: "use" } as const;
const making = { peakPerformanceWt: 10, purpose: "development-or-production" } as const;

const forComputers = about("technology", computer);
const forUse = about("technology", computer, { purposes: ["use"] });
const program = about("software", chip);
const library = encryption("software", ciphers);

/** What is stated of an item, beside what its sheet says of it; the members that contradict. */
// biome-ignore format: a table reads by its rows
const cases: readonly (readonly [string, Datasheet, Partial<Attributes>, readonly string[]])[] = [
  ["nothing of weights", weights(), {}, []],
  ["a determination of weights", weights(), { determination: "counted" }, []],
  ["technology of weights", weights(), { form: "technology" }, []],
  ["object code of weights", weights(), { form: "object-code" }, ["form"]],
  ["source code of weights", weights(), { form: "source-code" }, ["form"]],
  ["technology of technology", forComputers, { form: "technology" }, []],
  ["source code of technology", forComputers, { form: "source-code" }, ["form"]],
  ["object code of software", program, { form: "object-code" }, []],
  ["source code of software", program, { form: "source-code" }, []],
  ["technology of software", program, { form: "technology" }, ["form"]],
  ["source code of encryption software", library, { form: "source-code" }, []],
  ["technology of encryption software", library, { form: "technology" }, ["form"]],
  ["technology of encryption technology", encryption("technology", ciphers), { form: "technology" }, []],
  ["object code of encryption technology", encryption("technology", ciphers), { form: "object-code" }, ["form"]],
  ["any form of a commodity", encryption("commodity", ciphers), { form: "object-code" }, ["form"]],
  ["any form of hardware", hardware(chip), { form: "technology" }, ["form"]],
  ["a publication that the sheet states", weights({ published }), { published: publication }, []],
  ["a publication that the sheet denies", weights(), { published: publication }, ["published"]],
  ["a publication of which the sheet says nothing", weights({ published: null }), { published: publication }, ["published"]],
  ["a computer of technology for computers", forComputers, { computer: making }, []],
  ["a computer for use, of technology for use", forUse, { computer: use }, []],
  ["a computer for use, of technology for development", forComputers, { computer: use }, ["computer"]],
  ["a computer for development, of technology for use", forUse, { computer: making }, ["computer"]],
  ["a computer of technology of unknown purpose", about("technology", computer, { purposes: null }), { computer: use }, []],
  ["a computer of technology for a chip", about("technology", chip), { computer: making }, ["computer"]],
  ["a computer of weights", weights(), { computer: use }, ["computer"]],
  ["a computer of encryption", library, { computer: use }, ["computer"]],
  ["minimum operation of technology for use", forUse, { statements: ["minimum-operation"] }, []],
  ["minimum operation of technology for development", forComputers, { statements: ["minimum-operation"] }, ["statements"]],
  ["minimum operation of technology of unknown purpose", about("technology", chip, { purposes: null }), { statements: ["minimum-operation"] }, []],
  ["minimum operation of weights", weights(), { statements: ["minimum-operation"] }, []],
  ["minimum operation of hardware", hardware(chip), { statements: ["minimum-operation"] }, ["statements"]],
  ["sales technology of technology", forComputers, { statements: ["sales-technology"] }, []],
  ["sales technology of software", program, { statements: ["sales-technology"] }, ["statements"]],
  ["a copy of technology", forComputers, { statements: ["copy-of-authorized"] }, []],
  ["a copy of software", program, { statements: ["copy-of-authorized"] }, ["statements"]],
  ["a bug fix of software", program, { statements: ["bug-fix"] }, []],
  ["a bug fix of weights", weights(), { statements: ["bug-fix"] }, ["statements"]],
  ["mass-market software", program, { statements: ["mass-market"] }, []],
  ["mass-market technology", forComputers, { statements: ["mass-market"] }, ["statements"]],
  ["mass-market encryption that the sheet denies", library, { statements: ["mass-market"] }, ["statements"]],
  ["mass-market encryption of which the sheet says nothing", encryption("software", ciphers, { isMassMarket: null }), { statements: ["mass-market"] }, []],
  ["classified encryption", library, { statements: ["encryption-classified"] }, []],
  ["classified encryption without a function", encryption("software", []), { statements: ["encryption-classified"] }, ["statements"]],
  ["classified encryption of weights that have none", weights(), { statements: ["encryption-classified"] }, ["statements"]],
  ["classified encryption of weights, of whose functions nobody knows", weights({ cryptographicFunctions: null }), { statements: ["encryption-classified"] }, []],
  ["classified encryption of a program for a chip", program, { statements: ["encryption-classified"] }, ["statements"]],
  ["notified source code of encryption software", library, { form: "source-code", statements: ["encryption-source-notified"] }, []],
  ["notified source code that is object code", library, { form: "object-code", statements: ["encryption-source-notified"] }, ["statements"]],
  ["notified source code of weights", weights(), { statements: ["encryption-source-notified"] }, ["statements"]],
  ["several at once", weights(), { form: "object-code", published: publication, computer: use, statements: ["bug-fix", "mass-market"] }, ["form", "published", "computer", "statements", "statements"]],
];

test.each(cases)("what is stated against the datasheet: %s", (_name, sheet, stated, members) => {
  const found = contradictionsOf(sheet, { ...nothing, ...stated });
  expect(found.map((sentence) => sentence.split(":")[0])).toEqual(members);
  for (const sentence of found) expect(sentence).toMatch(/\.$/);
});
