import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { sql } from "kysely";
import { verifyEvidence } from "../../../src/cli/evidence.ts";
import { newRecipientKeyPair } from "../../../src/crypto/enclosure.ts";
import { isEveryCheck } from "../../../src/export-control/decision.ts";
import type {
  ControlCode,
  RegimeClassification,
} from "../../../src/export-control/regimes/classification.ts";
import type { Entry } from "../../../src/ledger/entry.ts";
import { verifyLedger } from "../../../src/ledger/verify.ts";
import { approveClassification, proposeClassification } from "../../../src/vault/classification.ts";
import { decideRelease } from "../../../src/vault/decide.ts";
import { openEvidence } from "../../../src/vault/evidence.ts";
import { activateLicense, enterLicense } from "../../../src/vault/license.ts";
import { redecide } from "../../../src/vault/redecide.ts";
import { releaseEnclosed } from "../../../src/vault/release.ts";
import { simulate } from "../../../src/vault/simulate.ts";
import type { Vault } from "../../../src/vault/vault.ts";
import { type Cast, license, model, stage } from "../../support/actors.ts";
import { forEachDatabase } from "../../support/database.ts";
import { entriesOf, storedLedger, verified } from "../../support/ledger.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

const australia = { country: "AU", basis: "site", site: "sydney" } as const;
const home = { country: "DE", basis: "site", site: "berlin" } as const;
const annexI: ControlCode = { jurisdiction: "EU", list: "annex-I", code: "4E001" };

forEachDatabase("a vault that stands in the European Union", (open) => {
  let t: TestVault;
  let cast: Cast;
  /** The same vault, its nodes and store in Germany. */
  let german: Vault;

  beforeAll(async () => {
    t = await startVault({ database: await open() });
    german = { ...t.vault, storeCountry: "DE" };
    cast = await stage(t.vault, { bytes: Buffer.from("weights") });
  });
  afterAll(async () => await t.stop());

  async function request(destination: typeof australia | typeof home) {
    const { publicKey } = await newRecipientKeyPair();
    const way = "enclosed" as const;
    return { ...model, revision: "main", paths: null, way, recipientKey: publicKey, destination };
  }

  async function decidedIn(vault: Vault, destination: typeof australia | typeof home) {
    const wanted = await request(destination);
    return (await releaseEnclosed(vault, cast.reader.caller, wanted)).decided;
  }

  /** Proposed by one officer and approved by the other. */
  async function classify(regimes: readonly RegimeClassification[]): Promise<string> {
    const { classification } = await proposeClassification(t.vault, cast.first.caller, model, {
      jurisdiction: "EAR",
      eccn: "4E091",
      paragraph: null,
      basis: "self",
      datasheet: {},
      attributes: {
        form: null,
        published: null,
        statements: null,
        computer: null,
        determination: null,
        regimes,
      },
    });
    await approveClassification(t.vault, cast.second.caller, model, classification);
    return classification;
  }

  const stated = (code: string | null): RegimeClassification => ({
    jurisdiction: "EU",
    list: "annex-I",
    code,
    decontrol: null,
    determination: "as counsel advised",
  });

  test("with nothing stated of the Union it holds what the same vault in the United States is asked about alone", async () => {
    const { decision: here } = await decidedIn(t.vault, home);
    expect(here.regimes).toBeUndefined();
    const { decision, facts } = await decidedIn(german, home);
    expect(facts.departure).toEqual({ country: "DE" });
    expect(decision.verdict).toBe("deny");
    expect(decision.regimes).toEqual([
      { jurisdiction: "EAR", result: "license" },
      { jurisdiction: "EU", result: "unknown" },
    ]);
  });

  test("without both licenses nothing leaves; with both it does, each loses a use, and the verifiers agree", async () => {
    const classification = await classify([stated("4E001")]);
    const parties = { persons: [cast.reader.person], workloads: [], entities: [] };
    const american = await license(t.vault, cast, {
      persons: [cast.reader.person],
      scope: { destinations: ["AU"] },
      releasesAllowed: 9,
    });
    expect((await decidedIn(german, australia)).decision).toMatchObject({
      verdict: "deny",
      regimes: [
        { jurisdiction: "EAR", result: "allow" },
        { jurisdiction: "EU", result: "license" },
      ],
    });
    const { license: european } = await enterLicense(t.vault, cast.first.caller, {
      number: "DE-2026-1",
      kind: "individual-license",
      conditions: "",
      validFrom: "2026-01-01",
      validUntil: "2027-11-22",
      releasesAllowed: 9,
      scope: {
        eccns: [],
        controls: [annexI],
        repositories: null,
        destinations: ["AU"],
        nationalities: [],
        parties,
        reasons: null,
      },
    });
    await activateLicense(t.vault, cast.second.caller, european);
    const { release, decision, facts } = await decidedIn(german, australia);
    expect(decision.verdict).toBe("allow");
    expect(decision.licenses).toEqual([american, european].sort());
    expect(facts.item.classification).toMatchObject({
      id: classification,
      regimes: [stated("4E001")],
    });
    const used = await t.vault.database.db.selectFrom("license").select("releases_used").execute();
    expect(used.map((row) => row.releases_used)).toEqual([1, 1]);

    expect((await verified(t)).verified).toBe(true);
    const { verificationKey } = t;
    const report = await verifyLedger(storedLedger(t.vault.database), {
      verificationKey,
      checkIds: isEveryCheck,
    });
    expect(report.verified).toBe(true);
    const entries = await entriesOf(t.vault.database);
    const entry = entries.find(
      ({ kind, body }) => kind === "release.allowed" && body["release"] === release,
    );
    expect(JSON.stringify(entry)).not.toMatch(/"(DE|AU)"/);
    const evidence = await openEvidence(t.vault, release);
    const proof = { entry: entry as unknown as Entry, release, kept: null };
    expect(verifyEvidence({ ...evidence }, proof)).toMatchObject({ isDecidedAgain: true });
  });

  test("a simulation says what each regime says, and what would change it", async () => {
    await classify([stated("4D001")]);
    const simulated = await simulate(german, cast.first.caller, {
      ...model,
      principal: cast.reader.principal,
      destination: australia,
      at: null,
      licenses: [],
    });
    expect(simulated.decision.regimes?.at(-1)).toEqual({ jurisdiction: "EU", result: "license" });
    expect(simulated.advice.ways[0]?.map(({ change }) => change)).toEqual([
      "obtain-individual-license",
    ]);
  });

  test("what is stated of the Union cannot be edited in the database alone", async () => {
    const classification = await classify([stated("4E001")]);
    const put = async (from: string, to: string) =>
      await sql`update classification set attributes = replace(attributes::text, ${from}, ${to})::jsonb where id = ${classification}`.execute(
        t.vault.database.db,
      );
    await put('"4E001"', "null");
    await expect(decidedIn(german, australia)).rejects.toMatchObject({ code: "record_tampered" });
    await put('"code": null', '"code": "4E001"');
    expect((await decidedIn(german, australia)).decision.verdict).toBe("allow");
  });

  test("a release that was allowed does not open from another country than it was decided for", async () => {
    const wanted = await request({ ...australia });
    const moved: Vault = {
      ...german,
      get storeCountry() {
        return countries.shift() ?? "US";
      },
    };
    // Decided while it stands in Germany, opened when it stands in the United States.
    const countries = ["DE"];
    await expect(releaseEnclosed(moved, cast.reader.caller, wanted)).rejects.toMatchObject({
      code: "release_stopped",
    });
  });

  test("grants are decided again when the vault moves into the Union", async () => {
    await classify([stated(null)]);
    const place = { sites: [{ name: "sydney", country: "AU" }] };
    await entriesOf(t.vault.database);
    await redecide({ ...t.vault, ...place });
    const again = await redecide({ ...t.vault, ...place });
    expect(again.reviewed).toBe(0);
    expect((await redecide({ ...german, ...place })).reviewed).toBeGreaterThan(0);
    const decided = await decideRelease(german, cast.reader.caller, await request(australia));
    expect(decided.facts.departure).toEqual({ country: "DE" });
  });
});
