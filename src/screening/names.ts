/** Letters that Unicode does not take apart although names are written both ways. */
const plainLetters: Readonly<Record<string, string>> = {
  æ: "ae",
  œ: "oe",
  ø: "o",
  đ: "d",
  ð: "d",
  ħ: "h",
  ı: "i",
  ł: "l",
  þ: "th",
};

/** Marks inside a word: written, left out, or replaced by a space, all three for the same name. */
const insideWords = /[.'’‘ʼʻ`´\-‐‑‒–]/gu;

/**
 * The keys under which a name is found: two names are equal when they share one. Case, accents, punctuation, spacing and the order of
 * words do not count: `LAST, First` equals `First Last`. What stands in parentheses, or after a semicolon as in `X; and any
 * successor`, may be left out. An empty result means that nothing in the name can be compared.
 */
export function nameKeys(name: string): readonly string[] {
  const folded = fold(name);
  const shorter = [folded, folded.replace(/\([^)]*\)/gu, " "), folded.replace(/;.*$/su, " ")];
  const spelled = shorter.flatMap((each) => [
    each.replace(insideWords, ""),
    each.replace(insideWords, " "),
  ]);
  return [...new Set(spelled.map(key).filter((each) => each !== ""))];
}

function fold(name: string): string {
  return name
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toUpperCase()
    .toLowerCase()
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[æœøđðħıłþ]/gu, (letter) => plainLetters[letter] ?? letter)
    .replaceAll("&", " and ");
}

/** Words in one fixed order, so that any order is equal. */
function key(text: string): string {
  const words = text.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== "");
  return words.sort().join(" ");
}
