import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { isRefusal, Refusal } from "../errors.ts";

/** What a witness holds of a log: the largest tree that it has cosigned. */
export type Held = {
  readonly size: number;
  readonly root: Buffer;
  /** The log's signed checkpoint, verbatim: evidence, should the log ever show another. */
  readonly checkpoint: string;
  /** Seconds since 1970. */
  readonly cosignedAt: number;
};

const schema = `
  create table if not exists witness (
    singleton integer primary key check (singleton = 1),
    name text not null
  ) strict;
  create table if not exists log (
    origin text primary key,
    size integer not null check (size >= 0),
    root blob not null check (length(root) = 32),
    checkpoint text not null,
    cosigned_at integer not null
  ) strict;
  create trigger if not exists log_only_grows before update on log
    when new.size < old.size or (new.size = old.size and new.root <> old.root)
      or new.cosigned_at < old.cosigned_at or new.origin <> old.origin
    begin select raise(abort, 'a witnessed log neither shrinks nor changes'); end;
  create trigger if not exists log_stays before delete on log
    begin select raise(abort, 'a witnessed log is not forgotten'); end;`;

const sqliteBusy = 5;

/**
 * The memory of a witness in an SQLite file, which this process alone may have open. Whatever `record` returned from survives a kill and a
 * power cut: SQLite syncs the file and its folder before. The file refuses a smaller tree, another tree of the same size, and to forget.
 */
export class WitnessState {
  readonly #database: DatabaseSync;
  readonly name: string;

  private constructor(database: DatabaseSync, name: string) {
    this.#database = database;
    this.name = name;
  }

  /**
   * Makes the memory of a witness of that name, or finds it, or finishes one that found no room. Throws `configuration_invalid` where another
   * name's is there, or the system cannot write it.
   */
  static make(file: string, name: string): WitnessState {
    const database = openExclusive(file);
    try {
      const named = writeSchema(database, name);
      if (named !== name) throw unusable(file, `is of the witness ${named}`);
      return new WitnessState(database, name);
    } catch (error) {
      database.close();
      if (isRefusal(error)) throw error;
      throw unusable(file, `cannot be made${reasonOf(error)}`, error);
    }
  }

  /**
   * Opens the memory that `make` made. A missing one is never made anew: a witness that forgot could cosign a fork. Throws
   * `configuration_invalid` for one that is missing, unfinished, or open in another process.
   */
  static open(file: string): WitnessState {
    if (!existsSync(file))
      throw unusable(file, "is missing: a witness without its memory could cosign a fork");
    const database = openExclusive(file);
    try {
      const name = nameIn(database);
      if (name === null) throw unusable(file, "is not finished");
      return new WitnessState(database, name);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** What it holds of a log; null before the first checkpoint. */
  held(origin: string): Held | null {
    const row = this.#database
      .prepare("select size, root, checkpoint, cosigned_at from log where origin = ?")
      .get(origin);
    if (row === undefined) return null;
    const { size, root, checkpoint, cosigned_at: cosignedAt } = row;
    if (
      typeof size !== "number" ||
      !(root instanceof Uint8Array) ||
      typeof checkpoint !== "string" ||
      typeof cosignedAt !== "number"
    )
      throw new Error("the witness's memory is damaged");
    return { size, root: Buffer.from(root), checkpoint, cosignedAt };
  }

  /** Durable when it returns; one statement, so all or nothing. Throws for what would shrink or change the log. */
  record(origin: string, { size, root, checkpoint, cosignedAt }: Held): void {
    this.#database
      .prepare(
        `insert into log (origin, size, root, checkpoint, cosigned_at) values (?, ?, ?, ?, ?)
         on conflict (origin) do update set size = excluded.size, root = excluded.root,
           checkpoint = excluded.checkpoint, cosigned_at = excluded.cosigned_at`,
      )
      .run(origin, size, root, checkpoint, cosignedAt);
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

/** The name of the witness whose memory it is from now on, or was before. */
function writeSchema(database: DatabaseSync, name: string): string {
  database.exec(`begin; ${schema}`);
  const named = nameIn(database);
  if (named === null)
    database.prepare("insert into witness (singleton, name) values (1, ?)").run(name);
  database.exec("commit");
  return named ?? name;
}

/** The lock is taken by the first statement that writes, and ends with the process, however that dies. */
function openExclusive(file: string): DatabaseSync {
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
    database.exec(
      "pragma locking_mode = exclusive; pragma journal_mode = delete; pragma synchronous = extra; begin exclusive; commit",
    );
    return database;
  } catch (cause) {
    database?.close();
    const why = isBusy(cause) ? "is open in another process" : `cannot be opened${reasonOf(cause)}`;
    throw unusable(file, why, cause);
  }
}

function nameIn(database: DatabaseSync): string | null {
  const tables = database.prepare("select 1 from sqlite_schema where name = 'witness'").get();
  if (tables === undefined) return null;
  const name = database.prepare("select name from witness").get()?.["name"];
  return typeof name === "string" ? name : null;
}

function unusable(file: string, why: string, cause?: unknown): Refusal {
  return new Refusal("configuration_invalid", `the witness's memory ${file} ${why}`, { cause });
}

/** What SQLite says of it, such as that the disk is full. */
function reasonOf(error: unknown): string {
  return Error.isError(error) ? `: ${error.message}` : "";
}

function isBusy(error: unknown): boolean {
  return Error.isError(error) && "errcode" in error && error.errcode === sqliteBusy;
}
