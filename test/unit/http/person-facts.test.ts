import { expect, test } from "@jest/globals";
import { personFacts } from "../../../src/http/person-facts.ts";

const french = [{ country: "FR", from: "1990-01-01", until: null }];

test.each([
  [{}, null, null],
  [{ citizenships: french }, french, []],
  [{ permanentResidencies: french }, [], french],
  [{ citizenships: french, permanentResidencies: null }, french, null],
  [{ citizenships: null, permanentResidencies: french }, null, french],
  [{ citizenships: [], permanentResidencies: [] }, [], []],
  [{ citizenships: null }, null, null],
])("of %j, nothing unknown is taken for known", (given, citizenships, permanentResidencies) => {
  expect(personFacts.parse({ name: "Somebody", ...given })).toMatchObject({
    citizenships,
    permanentResidencies,
  });
});
