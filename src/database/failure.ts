/** SQLSTATE classes (PostgreSQL manual, appendix A): connection exception, insufficient resources, system error. */
const outageClasses = new Set(["08", "53", "58"]);

/** Shutdown and start-up, statement and lock timeouts, a server that became read-only in a failover. */
const outageStates = new Set([
  "57P01",
  "57P02",
  "57P03",
  "57P05",
  "57014",
  "55P03",
  "25006",
  "25P03",
  "25P04",
]);

const contentionStates = new Set(["40001", "40P01"]);

/** What the system says of a connection; the same codes of another call, such as opening a file, are not the database's. */
const connectionCalls: readonly unknown[] = [undefined, "connect", "read", "write", "getaddrinfo"];

const outageErrnos = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
  "ENOENT",
]);

/** What pg, its pool, kysely and PGlite say without a code when the connection is gone, slow or closed. */
const outageMessages =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client has encountered a connection error|Client was closed|Cannot use a pool after calling end|driver has already been destroyed|Postgres connection has been discarded|PGlite is clos|PGlite instance is already closed)/;

/**
 * Whether the database cannot serve now, so that the caller may try again later: unreachable, shutting down, too busy, timed out,
 * or still contended after every attempt. Anything else that a query throws is a bug of ours or a violated constraint.
 */
export function isOutage(thrown: unknown): boolean {
  return someCause(thrown, ({ code, message, syscall }) => {
    if (typeof code === "string") {
      if (outageErrnos.has(code)) return connectionCalls.includes(syscall);
      if (outageStates.has(code) || contentionStates.has(code)) return true;
      if (isState(code)) return outageClasses.has(code.slice(0, 2));
    }
    return typeof message === "string" && outageMessages.test(message);
  });
}

/** Whether the server's disk has no room left (SQLSTATE 53100), which no trying again cures. */
export function isDiskFull(thrown: unknown): boolean {
  return someCause(thrown, ({ code }) => code === "53100");
}

/** Whether the same transaction may well succeed if it is run again: deadlock or serialization failure. */
export function isContention(thrown: unknown): boolean {
  return someCause(thrown, ({ code }) => typeof code === "string" && contentionStates.has(code));
}

/** Whether a unique key (of that name, where one is given) refused the row. */
export function isUniqueViolation(thrown: unknown, constraint?: string): boolean {
  return someCause(
    thrown,
    (error) =>
      error.code === "23505" && (constraint === undefined || error.constraint === constraint),
  );
}

type Failure = {
  readonly code?: unknown;
  readonly syscall?: unknown;
  readonly message?: unknown;
  readonly constraint?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
};

/** Looks at the error, its causes, and the members of an AggregateError (one attempt for each address of a host). */
function someCause(thrown: unknown, holds: (error: Failure) => boolean, depth = 0): boolean {
  if (typeof thrown !== "object" || thrown === null || depth > 8) return false;
  const error: Failure = thrown;
  if (holds(error) || someCause(error.cause, holds, depth + 1)) return true;
  return (
    Array.isArray(error.errors) && error.errors.some((each) => someCause(each, holds, depth + 1))
  );
}

function isState(code: string): boolean {
  return /^[0-9A-Z]{5}$/.test(code);
}
