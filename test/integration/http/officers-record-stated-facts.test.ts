import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type Cast, stage } from "../../support/actors.ts";
import { ask, expectProblem, type Serving, serve } from "./serving.ts";

let s: Serving;
let cast: Cast;

beforeAll(async () => {
  s = await serve();
  cast = await stage(s.vault, { bytes: Buffer.from("weights") });
});
afterAll(async () => {
  await s.stop();
});

const paper = {
  number: "D000009",
  kind: "bis-license",
  validFrom: "2026-01-01",
  validUntil: "2027-01-01",
  scope: {
    eccns: ["4E091"],
    repositories: null,
    destinations: [],
    nationalities: ["IN"],
    parties: null,
    reasons: null,
  },
  riders: [{ id: "plan", text: "A plan is kept.", kind: "technology-control-plan" }],
};

test("a license's condition is entered, marked by an officer and shown with who said so", async () => {
  const { token } = cast.first;
  const entered = await ask(s, "POST /v1/licenses", { token, json: paper });
  expect(entered.status).toBe(201);
  const address = `/v1/licenses/${String(entered.json["license"])}`;
  const shown = async () => (await ask(s, `GET ${address}`, { token })).json["riders"];
  expect(await shown()).toEqual([{ ...paper.riders[0], state: null }]);
  const marked = await ask(s, `PUT ${address}/riders/plan`, {
    token: cast.second.token,
    json: { met: true, on: "2026-01-02" },
  });
  expect(marked.status).toBe(204);
  expect(await shown()).toEqual([
    { ...paper.riders[0], state: { met: true, on: "2026-01-02", by: cast.second.person } },
  ]);
  const other = await ask(s, `PUT ${address}/riders/other`, { token, json: { met: true } });
  expectProblem(other, "not_found");
});

test("a person's papers and evidence are kept, and the vault says who verified them", async () => {
  const { token } = cast.first;
  const acknowledgements = [
    { kind: "tsr-written-assurance", signedOn: "2026-01-01", expiresOn: null, eccns: ["4E001"] },
  ];
  const made = await ask(s, "POST /v1/persons", {
    token,
    json: {
      name: "Somebody",
      engagement: { employer: "university", capacity: "employee" },
      acknowledgements,
      verifications: { acknowledgements: { evidence: "contract", expiresOn: "2027-01-01" } },
    },
  });
  expect(made.status).toBe(201);
  const read = await ask(s, `GET /v1/persons/${String(made.json["person"])}`, { token });
  expect(read.json["facts"]).toMatchObject({
    engagement: { employer: "university", capacity: "employee", entityCountry: null },
    acknowledgements,
    verifications: {
      usPerson: null,
      acknowledgements: { by: cast.first.person, evidence: "contract", expiresOn: "2027-01-01" },
    },
  });
});

test("a classification is proposed with what is stated of the item, and shows it", async () => {
  const { token } = cast.first;
  const address = "/v1/repositories/lab/model/classifications";
  const attributes = {
    form: "technology",
    published: null,
    statements: ["minimum-operation"],
    computer: { peakPerformanceWt: 12, purpose: "use" },
    determination: "counted",
  };
  const made = await ask(s, `POST ${address}`, {
    token,
    json: { eccn: "4E001", basis: "self", attributes },
  });
  expect(made.status).toBe(201);
  const listed = await ask(s, `GET ${address}`, { token });
  const stated = (listed.json["classifications"] as readonly Record<string, unknown>[]).map(
    ({ id, attributes: shown }) => [id === made.json["classification"], shown],
  );
  expect(stated).toHaveLength(2);
  expect(stated).toContainEqual([true, attributes]);
  expect(stated).toContainEqual([false, null]);
});

test("a classification is proposed with the item's place on another regime's lists, and shows it", async () => {
  const { token } = cast.first;
  const address = "/v1/repositories/lab/model/classifications";
  const regimes = [
    { jurisdiction: "EU", list: "annex-I", code: "4E001", decontrol: null, determination: null },
    {
      jurisdiction: "EU",
      list: "annex-IV",
      code: null,
      decontrol: null,
      determination: "compared",
    },
  ];
  const made = await ask(s, `POST ${address}`, {
    token,
    json: { eccn: "4E091", basis: "self", attributes: { regimes } },
  });
  expect(made.status).toBe(201);
  const shown = await ask(s, `GET ${address}/${String(made.json["classification"])}`, { token });
  expect(shown.json["attributes"]).toMatchObject({ regimes });
  const json = {
    eccn: "4E091",
    basis: "self",
    attributes: { regimes: [{ ...regimes[0], jurisdiction: "XX" }] },
  };
  expectProblem(await ask(s, `POST ${address}`, { token, json }), "invalid_request");
});

test("an authorization of another regime is entered by its list and code, and one that names no item is refused", async () => {
  const { token } = cast.first;
  const controls = [{ jurisdiction: "EU", list: "annex-I", code: "4E001" }];
  const european = {
    ...paper,
    kind: "individual-license",
    scope: { ...paper.scope, eccns: [], destinations: ["AU"], nationalities: [], controls },
  };
  const entered = await ask(s, "POST /v1/licenses", { token, json: european });
  expect(entered.status).toBe(201);
  const read = await ask(s, `GET /v1/licenses/${String(entered.json["license"])}`, { token });
  expect(read.json).toMatchObject({ kind: "individual-license", scope: european.scope });
  const { controls: _, ...empty } = european.scope;
  const refused = await ask(s, "POST /v1/licenses", { token, json: { ...european, scope: empty } });
  expectProblem(refused, "invalid_request");
});
