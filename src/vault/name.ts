import { Refusal } from "../errors.ts";

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$/;
const pathLimitBytes = 1_024;

/** A namespace's or repository's name, or `invalid_name`. */
export function repositoryName(text: string): string {
  if (!namePattern.test(text) || text.includes("..") || text.endsWith(".")) {
    throw new Refusal(
      "invalid_name",
      "a namespace or repository name has a character or form that is not allowed",
    );
  }
  return text;
}

/**
 * A file's path inside a revision, or `invalid_path`: relative, `/` between segments, no empty, `.` or `..` segment,
 * no control character, no backslash, well-formed Unicode, at most 1,024 bytes of UTF-8.
 */
export function filePath(text: string): string {
  const problem = pathProblem(text);
  if (problem !== null) throw new Refusal("invalid_path", `the file path ${problem}`);
  return text;
}

function pathProblem(text: string): string | null {
  if (text === "") return "is empty";
  if (!text.isWellFormed() || text.includes("\uFFFD")) return "is not UTF-8";
  if (Buffer.byteLength(text, "utf8") > pathLimitBytes)
    return `is longer than ${pathLimitBytes} bytes`;
  if (/\p{Cc}/u.test(text)) return "has a control character";
  if (text.includes("\\")) return "has a backslash";
  if (text.startsWith("/")) return "is absolute";
  const segments = text.split("/");
  if (segments.includes("")) return "has an empty segment";
  if (segments.includes(".") || segments.includes("..")) return "has a '.' or '..' segment";
  return null;
}
