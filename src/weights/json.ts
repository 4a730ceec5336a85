import { Malformed } from "./malformed.ts";
import { quoted } from "./tensors.ts";

/** A JSON value in which whole numbers keep every digit and no name comes twice. Other numbers, true and false stay texts of themselves. */
export type Json = string | bigint | null | readonly Json[] | ReadonlyMap<string, Json> | Literal;
export type Literal = { readonly literal: string };

const depthLimit = 8;
const numberPattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const wholePattern = /^(?:0|[1-9][0-9]{0,18})$/;

/** The JSON value of a text, spaces around it allowed. Throws `Malformed` for anything else, for a name that comes twice, and for deep nesting. */
export function parseJson(text: string): Json {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): Json {
    if (depth > depthLimit) throw new Malformed("the JSON is nested too deep");
    switch (this.#peek()) {
      case "{":
        return this.#object(depth);
      case "[":
        return this.#array(depth);
      case '"':
        return this.#string();
      default:
        return this.#bare();
    }
  }

  end(): void {
    if (this.#peek() !== "") throw this.#unexpected();
  }

  #object(depth: number): ReadonlyMap<string, Json> {
    const members = new Map<string, Json>();
    this.#take("{");
    if (this.#takes("}")) return members;
    do {
      if (this.#peek() !== '"') throw this.#unexpected();
      const name = this.#string();
      if (members.has(name)) throw new Malformed(`the name ${quoted(name)} comes twice`);
      this.#take(":");
      members.set(name, this.value(depth + 1));
    } while (this.#takes(","));
    this.#take("}");
    return members;
  }

  #array(depth: number): readonly Json[] {
    const elements: Json[] = [];
    this.#take("[");
    if (this.#takes("]")) return elements;
    do elements.push(this.value(depth + 1));
    while (this.#takes(","));
    this.#take("]");
    return elements;
  }

  #string(): string {
    const start = this.#at;
    let end = start + 1;
    while (end < this.#text.length && this.#text[end] !== '"')
      end += this.#text[end] === "\\" ? 2 : 1;
    this.#at = end + 1;
    try {
      return JSON.parse(this.#text.slice(start, end + 1)) as string;
    } catch (cause) {
      throw new Malformed("a text of the JSON is not well-formed", { cause });
    }
  }

  #bare(): Json {
    for (const literal of ["true", "false", "null"]) {
      if (!this.#text.startsWith(literal, this.#at)) continue;
      this.#at += literal.length;
      return literal === "null" ? null : { literal };
    }
    numberPattern.lastIndex = this.#at;
    const [number] = numberPattern.exec(this.#text) ?? [];
    if (number === undefined) throw this.#unexpected();
    this.#at += number.length;
    return wholePattern.test(number) ? BigInt(number) : { literal: number };
  }

  #peek(): string {
    while (" \t\n\r".includes(this.#text[this.#at] ?? "-")) this.#at += 1;
    return this.#text[this.#at] ?? "";
  }

  #takes(mark: string): boolean {
    if (this.#peek() !== mark) return false;
    this.#at += 1;
    return true;
  }

  #take(mark: string): void {
    if (!this.#takes(mark)) throw this.#unexpected();
  }

  #unexpected(): Malformed {
    return new Malformed(`the JSON does not parse at character ${this.#at}`);
  }
}
