import type { ExitName } from "./exit.ts";

/** Why a command ends without an answer of the server to blame: its sentence goes to stderr, its exit to the caller. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly exit: ExitName;
  /** The command has given its result already, with the failure in it. */
  readonly isTold: boolean;

  /** An empty message says nothing more: whoever failed has said it already. */
  constructor(
    exit: ExitName,
    message: string,
    { isTold = false, ...options }: { readonly cause?: unknown; readonly isTold?: boolean } = {},
  ) {
    super(message, options);
    this.exit = exit;
    this.isTold = isTold;
  }
}

/** What the server answered in place of what was asked: an RFC 9457 problem document. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  /** A code of the catalogue in `errors.ts`, or of a newer server; empty where something else answered, a proxy for example. */
  readonly code: string;
  readonly document: Readonly<Record<string, unknown>>;

  constructor(status: number, document: Readonly<Record<string, unknown>>) {
    const { code, title, detail } = document;
    super([title, detail].filter((text) => typeof text === "string").join(": "));
    this.status = status;
    this.code = typeof code === "string" ? code : "";
    this.document = document;
  }
}
