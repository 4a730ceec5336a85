import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { sql } from "kysely";
import { canonicalJson } from "../../../src/crypto/canonical-json.ts";
import { newRecipientKeyPair } from "../../../src/crypto/enclosure.ts";
import { type Database, openPostgres } from "../../../src/database/open.ts";
import type { Datasheet } from "../../../src/export-control/datasheet/form.ts";
import { propose } from "../../../src/export-control/datasheet/propose.ts";
import { rulebook } from "../../../src/export-control/rulebook.ts";
import { releaseEnclosed } from "../../../src/vault/release.ts";
import { type Cast, model, stage, unitedStates } from "../../support/actors.ts";
import { cloneDatabase, hasPostgres, openMemory } from "../../support/database.ts";
import { about, circuit, trained } from "../../support/datasheets.ts";
import { entriesOf } from "../../support/ledger.ts";
import { type Answered, ask, expectProblem, type Serving, serve } from "./serving.ts";

const at = "/v1/repositories/lab/model/classifications";
const big = trained("1.2e26");
const small = trained("9e25");

function digestOf(sheet: Datasheet): string {
  return createHash("sha256").update(canonicalJson(sheet)).digest("hex");
}

const engines = ["PGlite", ...(hasPostgres ? (["PostgreSQL"] as const) : [])] as const;

describe.each(engines)("on %s", (engine) => {
  let s: Serving;
  let cast: Cast;
  let drop = async (): Promise<void> => {};

  async function open(): Promise<Database> {
    if (engine === "PGlite") return await openMemory();
    const clone = await cloneDatabase();
    ({ drop } = clone);
    return openPostgres({ url: clone.url });
  }

  beforeAll(async () => {
    s = await serve({}, { open });
    cast = await stage(s.vault, { bytes: Buffer.from("the weights") });
  });
  afterAll(async () => {
    await s?.stop();
    await drop();
  });

  const propose4E091 = async (more: Readonly<Record<string, unknown>>): Promise<Answered> =>
    await ask(s, `POST ${at}`, {
      token: cast.first.token,
      json: { eccn: "4E091", basis: "self", ...more },
    });
  const show = async (id: string): Promise<Answered> =>
    await ask(s, `GET ${at}/${id}`, { token: cast.second.token });
  const approve = async (id: string): Promise<Answered> =>
    await ask(s, `POST ${at}/${id}/approve`, { token: cast.second.token });
  const proposed = async (more: Readonly<Record<string, unknown>> = { datasheet: big }) => {
    const { status, json } = await propose4E091(more);
    expect(status).toBe(201);
    return String(json["classification"]);
  };
  const tamper = async (id: string, set: ReturnType<typeof sql>) =>
    await sql`update classification set ${set} where id = ${id}`.execute(s.vault.database.db);
  const release = async () => {
    const { publicKey } = await newRecipientKeyPair();
    return await releaseEnclosed(s.vault, cast.reader.caller, {
      ...model,
      revision: "main",
      paths: null,
      way: "enclosed",
      recipientKey: publicKey,
      destination: unitedStates,
    });
  };

  test("a proposal stores the datasheet, and its digest stands in both of its entries", async () => {
    const { json, status } = await propose4E091({
      datasheet: big,
      datasheetSha256: digestOf(big).toUpperCase(),
    });
    expect({ status, digest: json["datasheetSha256"] }).toEqual({
      status: 201,
      digest: digestOf(big),
    });
    const id = String(json["classification"]);
    expect((await approve(id)).status).toBe(204);
    const entries = (await entriesOf(s.vault.database)).filter(
      ({ body }) => body["classification"] === id,
    );
    expect(entries.map(({ kind, body }) => [kind, body["datasheet"]])).toEqual([
      ["classification.proposed", digestOf(big)],
      ["classification.approved", digestOf(big)],
    ]);
    expect(JSON.stringify(entries)).not.toContain("A model");
    expect((await release()).decided.decision.verdict).toBe("allow");
  });

  test("whoever approves reads the sheet, its digest and the arithmetic", async () => {
    const { status, json } = await show(await proposed());
    expect(status).toBe(200);
    expect(json).toMatchObject({
      state: "proposed",
      datasheet: big,
      datasheetSha256: digestOf(big),
    });
    expect(json["proposal"]).toEqual(JSON.parse(JSON.stringify(propose(big, rulebook))));
  });

  test("a classification without a datasheet has no arithmetic and no digest", async () => {
    const { json } = await show(await proposed({}));
    expect(json).toMatchObject({ datasheet: {}, datasheetSha256: null, proposal: null });
  });

  test("another entry than the arithmetic's asks for a justification, which is recorded", async () => {
    const refused = await propose4E091({ eccn: "EAR99", datasheet: small });
    expectProblem(refused, "justification_required");
    expect(refused.json).toMatchObject({ candidates: [], conclusion: { kind: "no-entry" } });
    expect(refused.json["detail"]).toContain("not EAR99 by itself");
    expectProblem(await propose4E091({ datasheet: small }), "justification_required");
    expectProblem(
      await propose4E091({ jurisdiction: "ITAR", datasheet: big }),
      "justification_required",
    );
    const chip = about("technology", circuit("75", "1500"));
    expectProblem(
      await propose4E091({ eccn: "3E001", paragraph: "3A090.a", datasheet: chip }),
      "justification_required",
    );
    expect((await propose4E091({ eccn: "3E001", datasheet: chip })).status).toBe(201);
    const attributes = { published: { basis: "public-dissemination", on: "2026-01-01" } };
    expectProblem(await propose4E091({ datasheet: big, attributes }), "justification_required");
    const justification = "Counsel looked at it and found no entry that names it.";
    const id = await proposed({ eccn: "EAR99", datasheet: small, justification });
    expect((await show(id)).json).toMatchObject({ eccn: "EAR99", justification });
  });

  test("what is stated against the datasheet asks for the same justification, and is named", async () => {
    for (const [attributes, member] of [
      [{ form: "source-code" }, "form"],
      [{ statements: ["bug-fix"] }, "statements"],
      [{ computer: { peakPerformanceWt: 1, purpose: "use" } }, "computer"],
    ] as const) {
      const refused = await propose4E091({ datasheet: big, attributes });
      expectProblem(refused, "justification_required");
      expect(refused.json["contradictions"]).toEqual([expect.stringMatching(`^${member}: `)]);
      expect(refused.json["detail"]).toContain(`${member}: `);
    }
    const attributes = { form: "technology", statements: ["minimum-operation"] };
    expect((await propose4E091({ datasheet: big, attributes })).status).toBe(201);
    const justification = "The files are a program that holds the weights as constants.";
    const stated = { datasheet: big, attributes: { form: "source-code" }, justification };
    expect((await propose4E091(stated)).status).toBe(201);
  });

  test("a digest of another sheet, or of none, is refused", async () => {
    expectProblem(
      await propose4E091({ datasheet: big, datasheetSha256: digestOf(small) }),
      "digest_mismatch",
    );
    expectProblem(await propose4E091({ datasheetSha256: digestOf(big) }), "digest_mismatch");
  });

  test.each<[string, Readonly<Record<string, unknown>>, string]>([
    ["an unknown member", { ...big, flops: "1e26" }, "datasheet"],
    ["a number", { ...big, parameters: 70 }, "datasheet.parameters"],
    ["free words", { trainingOperations: "2e26" }, "datasheet.item"],
    [
      "a stage with an unknown member",
      { ...big, training: [{ stage: "pre-training", x: "1" }] },
      "datasheet.training.0",
    ],
  ])("a datasheet with %s is refused by its path", async (_, datasheet, path) => {
    const refused = await propose4E091({ datasheet });
    expectProblem(refused, "invalid_request");
    const errors = refused.json["errors"] as readonly { readonly path: string }[];
    expect(errors.map((error) => error.path)).toContain(path);
  });

  test("a justification that is no sentence is refused", async () => {
    expectProblem(
      await propose4E091({ datasheet: small, justification: "yes" }),
      "invalid_request",
    );
  });

  test.each<[string, ReturnType<typeof sql>]>([
    [
      "its datasheet edited",
      sql`datasheet = jsonb_set(datasheet, '{training,0,operations}', '"9e25"')`,
    ],
    ["its datasheet taken away", sql`datasheet = '{}', datasheet_sha256 = null`],
    ["its digest edited", sql`datasheet_sha256 = repeat('0', 64)`],
    [
      "a smaller sheet and its digest",
      sql`datasheet = ${JSON.stringify(small)}::jsonb, datasheet_sha256 = ${digestOf(small)}`,
    ],
    ["a justification added", sql`justification = 'Nobody wrote this sentence.'`],
  ])("a row with %s is not shown, not approved, and carries no release", async (_, set) => {
    const id = await proposed();
    await tamper(id, set);
    expectProblem(await show(id), "record_tampered");
    expectProblem(await approve(id), "record_tampered");
    const approved = await proposed();
    expect((await approve(approved)).status).toBe(204);
    await tamper(approved, set);
    expectProblem(await show(approved), "record_tampered");
    await expect(release()).rejects.toMatchObject({ code: "record_tampered" });
    // Out of the way of what follows: nothing is approved over a row that was changed.
    await tamper(approved, sql`state = 'superseded'`);
  });

  test("a superseded classification answers to its entry too", async () => {
    const [before, after] = [await proposed(), await proposed({ datasheet: trained("2e26") })];
    for (const id of [before, after]) expect((await approve(id)).status).toBe(204);
    expect((await show(before)).json).toMatchObject({ state: "superseded" });
    await tamper(before, sql`eccn = 'EAR99'`);
    expectProblem(await show(before), "record_tampered");
  });

  test("the classification of another repository is not found", async () => {
    const id = await proposed();
    await ask(s, "POST /v1/repositories", {
      token: cast.first.token,
      json: { namespace: "lab", name: "other" },
    });
    const { token } = cast.second;
    expectProblem(
      await ask(s, `GET ${at.replace("model", "other")}/${id}`, { token }),
      "not_found",
    );
  });
});
