import { Failure } from "./failure.ts";

/**
 * The files that the given paths and patterns choose, in the order of the list; all of them where none is given. A file's own path chooses it,
 * whatever letters it has; a folder's path chooses all below it; in a pattern `?` is one letter and `*` any number of them, both but for a slash, and
 * `**` any number of folders. Throws `notFound` for one that chooses nothing.
 */
export function chooseFiles<File extends { readonly path: string }>(
  files: readonly File[],
  given: readonly string[],
): readonly File[] {
  if (given.length === 0) return files;
  const known = new Set(files.map(({ path }) => path));
  const choices = given.map((pattern) => {
    const matches = choiceOf(pattern, known);
    if (!files.some(({ path }) => matches(path)))
      throw new Failure("notFound", `the revision has no file ${JSON.stringify(pattern)}`);
    return matches;
  });
  return files.filter(({ path }) => choices.some((matches) => matches(path)));
}

/** Whether a list of files is needed to know what is meant. */
export function isPattern(given: string): boolean {
  return /[*?]/.test(given) || given.endsWith("/");
}

function choiceOf(pattern: string, known: ReadonlySet<string>): (path: string) => boolean {
  if (known.has(pattern)) return (path) => path === pattern;
  const folder = pattern.replace(/\/+$/, "");
  if (!/[*?]/.test(pattern)) return (path) => path.startsWith(`${folder}/`);
  const expression = new RegExp(`^${folder.split("/").map(expressionOf).join("")}$`, "u");
  return (path) => expression.test(`/${path}`);
}

/** One segment of a pattern, with the slash before it. */
function expressionOf(segment: string): string {
  if (segment === "**") return "(?:/[^/]+)*";
  // Several stars in a row are one: they would only make the matching slow.
  const expression = segment.replaceAll(/\*+|[\\^$.+?()[\]{}|]/gu, (found) => {
    if (found.startsWith("*")) return "[^/]*";
    return found === "?" ? "[^/]" : `\\${found}`;
  });
  return `/${expression}`;
}
