import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { type KyselyPlugin, sql } from "kysely";
import type { Database } from "../../../src/database/open.ts";
import { OutboxAudit } from "../../../src/ledger/outbox-audit.ts";
import { forEachDatabase } from "../../support/database.ts";

/** More than one look goes through. */
const many = 10_050;

/** Counts statements, and keeps their answers back while it is told to. */
class SlowAnswers implements KyselyPlugin {
  asked = 0;
  #held = Promise.withResolvers<void>();

  constructor() {
    this.release();
  }

  hold(): void {
    this.#held = Promise.withResolvers<void>();
  }

  release(): void {
    this.#held.resolve();
  }

  transformQuery: KyselyPlugin["transformQuery"] = ({ node }) => {
    this.asked += 1;
    return node;
  };

  transformResult: KyselyPlugin["transformResult"] = async ({ result }) => {
    await this.#held.promise;
    return result;
  };
}

type Outbox = { readonly database: Database; readonly audit: OutboxAudit };

forEachDatabase("the audit of the outbox", (open) => {
  async function outbox(): Promise<Outbox> {
    const database = await open();
    return { database, audit: new OutboxAudit(database) };
  }

  test("passes over submissions that are pending, and goes on where they are entered", async () => {
    const { database, audit } = await outbox();
    await audit.look();
    await submitted(database, 1, 3);
    await entered(database, 1, 2);
    await audit.look();
    await entered(database, 3, 3);
    await submitted(database, 4, 4);
    await audit.look();
    await lose(database, 4);
    await expect(audit.look()).rejects.toMatchObject({ code: "record_tampered" });
  });

  test("is waited for at first and after it found something, and otherwise holds nobody up: what it finds is told at the next call", async () => {
    const database = await open();
    const slow = new SlowAnswers();
    const audit = new OutboxAudit({ ...database, db: database.db.withPlugin(slow) });
    await submitted(database, 1, 2);
    slow.hold();
    const first = audit.keepLooking();
    expect(await Promise.race([first.then(() => "ended"), sleep(300, "waits")])).toBe("waits");
    slow.release();
    await first;
    await audit.keepLooking();
    expect(slow.asked).toBe(1);
    await sleep(2_100);
    await lose(database, 2);
    slow.hold();
    await audit.keepLooking();
    await audit.keepLooking();
    expect(slow.asked).toBe(2);
    slow.release();
    await audit.settled();
    await sleep(100);
    for (let again = 0; again < 3; again += 1)
      await expect(audit.keepLooking()).rejects.toMatchObject({ code: "record_tampered" });
    expect(slow.asked).toBe(4);
  });

  test("sees one that is lost behind one that is pending still", async () => {
    const { database, audit } = await outbox();
    await submitted(database, 1, 3);
    await audit.look();
    await entered(database, 2, 2);
    await audit.look();
    await lose(database, 3);
    await expect(audit.look()).rejects.toMatchObject({
      code: "record_tampered",
      cause: { message: "submission 3" },
    });
  });

  test("sees one that it saw pending before", async () => {
    const { database, audit } = await outbox();
    await submitted(database, 1, 2);
    await entered(database, 1, 1);
    await audit.look();
    await lose(database, 2);
    for (let again = 0; again < 2; again += 1)
      await expect(audit.look()).rejects.toMatchObject({ code: "record_tampered" });
  });

  test("goes on where it ended, and finds what is lost in a later batch", async () => {
    const { database, audit } = await outbox();
    await submitted(database, 1, many);
    await entered(database, 1, many - 1);
    await lose(database, many);
    await audit.look();
    await expect(audit.look()).rejects.toMatchObject({
      cause: { message: `submission ${many}` },
    });
  });

  test("does not go through the rows again that it saw entered", async () => {
    const { database, audit } = await outbox();
    await submitted(database, 1, many);
    await entered(database, 1, many);
    await audit.look();
    await audit.look();
    // Entries stay: that one of them could vanish is for the ledger's verifier to see.
    await asSuperuser(database, "delete from ledger_entry where submission = 7");
    await audit.look();
    await expect(new OutboxAudit(database).look()).rejects.toMatchObject({
      cause: { message: "submission 7" },
    });
  });

  test("sees one that committed after higher ones were entered, and is lost", async () => {
    const { database, audit } = await outbox();
    await submitted(database, 3, 4);
    await submitted(database, 9, 9);
    await entered(database, 3, 4);
    await entered(database, 9, 9);
    await audit.look();
    for (const late of [2, 6]) {
      await submitted(database, late, late);
      await audit.look();
      await entered(database, late, late);
      await audit.look();
    }
    await submitted(database, 7, 8);
    await lose(database, 8);
    await expect(audit.look()).rejects.toMatchObject({
      code: "record_tampered",
      cause: { message: "submission 8" },
    });
  });

  test("sees an entry whose submission was taken away, in whatever batch it is", async () => {
    const { database } = await outbox();
    await submitted(database, 1, many);
    await entered(database, 1, many);
    for (const [id, after] of [
      [many, 1],
      [2, 0],
    ] as const) {
      await asSuperuser(database, `delete from ledger_submission where id = ${id}`);
      const audit = new OutboxAudit(database);
      for (let look = 0; look < after; look += 1) await audit.look();
      await expect(audit.look()).rejects.toMatchObject({
        code: "record_tampered",
        message: expect.stringContaining("the submission of an entry was taken away"),
      });
    }
  });

  test("does not report an id that commits after higher ones, pending or entered", async () => {
    const { database, audit } = await outbox();
    await submitted(database, 1, 2);
    await submitted(database, 5, 6);
    await audit.look();
    await entered(database, 1, 2);
    await entered(database, 5, 6);
    await audit.look();
    await submitted(database, 3, 4);
    await audit.look();
    await entered(database, 3, 3);
    await audit.look();
    await new OutboxAudit(database).look();
    await entered(database, 4, 4);
    await audit.look();
    await new OutboxAudit(database).look();
  });
});

/** Submissions of these ids in the outbox, as one committed transaction leaves them. */
async function submitted({ db }: Database, from: number, to: number): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await sql`
      insert into ledger_submission (id, kind, subject, time, body) overriding system value
      select id, 'vault.initialized', null, now(), '{}' from generate_series(${from}::int, ${to}::int) as id`.execute(
      tx,
    );
    await sql`insert into ledger_pending select generate_series(${from}::int, ${to}::int)`.execute(
      tx,
    );
  });
}

/** What the sequencer does with them, but for the contents of an entry, which the audit does not read. */
async function entered({ db }: Database, from: number, to: number): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await sql`
      insert into ledger_entry (index, submission, bytes, leaf)
      select id, id, convert_to(id::text, 'utf8'), sha256(convert_to(id::text, 'utf8'))
      from generate_series(${from}::int, ${to}::int) as id`.execute(tx);
    await sql`delete from ledger_pending where submission between ${from} and ${to}`.execute(tx);
  });
}

/** A pending row that somebody deleted. */
async function lose({ db }: Database, id: number): Promise<void> {
  await db.deleteFrom("ledger_pending").where("submission", "=", BigInt(id)).execute();
}

/** What a superuser can do who sets the triggers aside. */
async function asSuperuser(database: Database, statement: string): Promise<void> {
  await database.runScript(
    `set session_replication_role = replica; ${statement}; set session_replication_role = origin;`,
  );
}
