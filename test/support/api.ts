export type ApiAnswer = {
  readonly status: number;
  readonly headers: Headers;
  /** The JSON body; an empty object where there is none. */
  readonly json: Readonly<Record<string, unknown>>;
};

/** An answer other than the one that a caller counted on. */
export class Unexpected extends Error {
  override readonly name = "Unexpected";
  readonly status: number;
  readonly code: string;

  constructor(what: string, { status, json }: ApiAnswer) {
    super(`${what} answered ${status} ${JSON.stringify(json)}`);
    this.status = status;
    const { code } = json;
    this.code = typeof code === "string" ? code : "";
  }
}

/** A vault as somebody with a token sees it over HTTP. */
export class Api {
  readonly url: string;
  readonly token: string | null;

  constructor(url: string, token: string | null) {
    this.url = url;
    this.token = token;
  }

  as(token: string): Api {
    return new Api(this.url, token);
  }

  /** The bare answer, its body unread. A server that is silent for two minutes is an error. */
  async fetch(method: string, path: string, init: RequestInit = {}): Promise<Response> {
    const authorization = this.token === null ? {} : { authorization: `Bearer ${this.token}` };
    const headers = { ...authorization, ...(init.headers as Record<string, string> | undefined) };
    const signal = init.signal ?? AbortSignal.timeout(120_000);
    return await fetch(`${this.url}${path}`, { ...init, method, headers, signal });
  }

  /** Any answer, with its JSON. */
  async ask(method: string, path: string, body?: unknown): Promise<ApiAnswer> {
    const isBytes = Buffer.isBuffer(body);
    const init: RequestInit =
      body === undefined
        ? {}
        : {
            body: isBytes ? new Uint8Array(body) : JSON.stringify(body),
            headers: { "content-type": isBytes ? "application/octet-stream" : "application/json" },
          };
    const answer = await this.fetch(method, path, init);
    const text = await answer.text();
    const json = text === "" ? {} : (JSON.parse(text) as Readonly<Record<string, unknown>>);
    return { status: answer.status, headers: answer.headers, json };
  }

  /** The JSON of a 2xx answer. Throws `Unexpected` for any other. */
  async json(method: string, path: string, body?: unknown): Promise<ApiAnswer["json"]> {
    const answer = await this.ask(method, path, body);
    if (answer.status >= 300) throw new Unexpected(`${method} ${path}`, answer);
    return answer.json;
  }

  /** A member of a 2xx answer that is a text. */
  async text(member: string, method: string, path: string, body?: unknown): Promise<string> {
    const value = (await this.json(method, path, body))[member];
    if (typeof value !== "string") throw new Error(`${method} ${path} has no ${member}`);
    return value;
  }
}
