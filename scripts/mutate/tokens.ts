/** A piece of TypeScript that runs. Comments and templates are no tokens. */
export type Token = {
  readonly kind: "word" | "string" | "operator" | "template" | "pattern";
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** In an import or a type declaration, which nothing of is left at run time. */
  readonly isErased: boolean;
  /** Between the brackets of a list, and not of an access or a pattern of names. */
  readonly isInList: boolean;
};

type Raw = Pick<Token, "kind" | "text" | "start" | "end">;

const pieces =
  /(?<space>\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(?<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?<word>[\p{L}_$#][\p{L}\p{N}_$]*|\d[\w.]*)|(?<operator>===|!==|=>|<=|>=|&&|\|\||\?\?|\?\.|\.\.\.|[^\s])/uy;

/** The tokens of a file as the formatter leaves it. */
export function tokens(text: string): readonly Token[] {
  const raw: Raw[] = [];
  for (let at = 0; at < text.length; ) {
    const special = specialAt(text, at, raw.at(-1));
    if (special !== null) {
      raw.push(special);
      at = special.end;
      continue;
    }
    pieces.lastIndex = at;
    const groups = pieces.exec(text)?.groups ?? {};
    const end = pieces.lastIndex;
    for (const kind of ["string", "word", "operator"] as const)
      if (groups[kind] !== undefined) raw.push({ kind, text: groups[kind], start: at, end });
    at = end;
  }
  return marked(raw);
}

/** A template or a regular expression, whole. */
function specialAt(text: string, at: number, before: Raw | undefined): Raw | null {
  if (text[at] === "`")
    return { kind: "template", text: "``", start: at, end: templateEnd(text, at) };
  const next = text[at + 1];
  const isValueBefore =
    before !== undefined &&
    (before.kind !== "operator" || [")", "]", "}"].includes(before.text)) &&
    before.text !== "return";
  if (text[at] !== "/" || next === "/" || next === "*" || isValueBefore) return null;
  const pattern = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\]|\\.)*\])+\/[a-z]*/y;
  pattern.lastIndex = at;
  const found = pattern.exec(text);
  return found === null
    ? null
    : { kind: "pattern", text: found[0], start: at, end: at + found[0].length };
}

function templateEnd(text: string, start: number): number {
  let at = start + 1;
  for (let depth = 0; at < text.length; at += 1) {
    const here = text[at];
    if (here === "\\") at += 1;
    else if (here === "$" && text[at + 1] === "{") depth += 1;
    else if (here === "}" && depth > 0) depth -= 1;
    else if (here === "`" && depth === 0) return at + 1;
    else if (here === "`") at = templateEnd(text, at) - 1;
  }
  return at;
}

/** Follows brackets and statements to tell what is erased and what stands in a list. */
function marked(raw: readonly Raw[]): readonly Token[] {
  const open: { readonly bracket: string; readonly isList: boolean }[] = [];
  let erasedAt: number | null = null;
  return raw.map((token, at) => {
    const before = raw[at - 1];
    const starts =
      open.length === 0 &&
      (token.text === "import" ||
        (token.text === "type" && ["export", ";", "}", undefined].includes(before?.text)));
    if (erasedAt === null && starts) erasedAt = open.length;
    const isErased = erasedAt !== null;
    if (erasedAt === open.length && token.text === ";") erasedAt = null;
    if (["(", "[", "{"].includes(token.text)) {
      const accesses = before?.kind === "word" && before.text !== "return" && before.text !== "of";
      const isList =
        token.text === "[" &&
        !accesses &&
        !["const", "let", ")", "]", "."].includes(before?.text ?? "");
      open.push({ bracket: token.text, isList });
    } else if ([")", "]", "}"].includes(token.text)) open.pop();
    return { ...token, isErased, isInList: open.at(-1)?.isList === true && token.text !== "[" };
  });
}
