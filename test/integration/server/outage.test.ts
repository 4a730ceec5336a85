import { expect, test } from "@jest/globals";
import { Api } from "../../support/api.ts";
import { cloneDatabase, describePostgres } from "../../support/database.ts";
import { Gate } from "../../support/gate.ts";
import { startTestServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";
import { release, tell } from "./served.ts";

describePostgres("a database that goes down and comes back", () => {
  test("makes readyz red and then green again, and every answer meanwhile a 503 and not a 500", async () => {
    const { url, drop } = await cloneDatabase();
    const gate = new Gate(url);
    await gate.open();
    const server = await startTestServer({ env: { DATABASE_URL: gate.url } });
    try {
      const { reader, uploader, auditor, bytes } = await tell(
        server.url,
        await server.bootstrapToken(),
      );
      const api = new Api(server.url, null);
      const readyz = async () => await api.ask("GET", "/readyz");
      expect(await readyz()).toMatchObject({ status: 200, json: { status: "ready" } });

      await gate.shut();
      // What the checks said a moment ago is not asked again at once.
      await until(async () => (await readyz()).status === 503);
      const red = await readyz();
      expect(red.json).toMatchObject({
        status: "not-ready",
        checks: { database: "database_unavailable", store: "ok", custodian: "ok" },
      });
      expect((await api.ask("GET", "/livez")).status).toBe(200);
      const asked = [
        [reader, "GET", "/v1/me"],
        [reader, "GET", "/v1/repositories/lab/model/revisions/main/files/weights.bin"],
        [
          reader,
          "POST",
          "/v1/releases",
          { repository: "lab/model", revision: "main", recipientKey: "AA" },
        ],
        [uploader, "POST", "/v1/repositories/lab/model/uploads"],
        [auditor, "GET", "/ledger/checkpoint"],
      ] as const;
      for (const [{ token }, method, path, body] of asked) {
        const answer = await api.as(token).ask(method, path, body);
        expect([path, answer.status, answer.json["code"]]).toEqual([
          path,
          503,
          "database_unavailable",
        ]);
        expect(answer.headers.get("retry-after")).toBe("5");
        expect(JSON.stringify(answer.json)).not.toMatch(/ECONN|127\.0\.0\.1|postgres/);
      }

      await gate.open();
      await until(async () => (await readyz()).status === 200);
      expect(await release(server.url, reader)).toEqual(bytes);
    } finally {
      await gate.open().catch(() => {});
      await server.stop();
      await gate.shut();
      await drop();
    }
  });
});
