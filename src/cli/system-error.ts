const verbs: Readonly<Record<string, string>> = {
  mkdir: "made",
  open: "opened",
  scandir: "listed",
  rename: "put into its place",
  link: "put into its place",
  unlink: "removed",
  rm: "removed",
  write: "written",
};

const reasons: Readonly<Record<string, string>> = {
  EACCES: "the system does not allow it",
  EDQUOT: "the quota of its owner is used up",
  EEXIST: "something is there already",
  EISDIR: "it is a folder",
  ELOOP: "its links lead in a circle",
  EMFILE: "too many files are open",
  ENAMETOOLONG: "its name is too long",
  ENOENT: "the system knows no such place",
  ENOSPC: "no room is left",
  ENOTDIR: "a part of its path is no folder",
  EPERM: "the system does not allow it",
  EROFS: "its file system cannot be written",
};

/** What the system answered about a file, as a sentence with its code; null for an error that is of no file. */
export function systemSentence(error: Error): string | null {
  const { code, syscall, path } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return null;
  const reason = reasons[code] ?? "the system failed at it";
  const verb = verbs[syscall] ?? "used";
  if (typeof path === "string") return `${path} cannot be ${verb}: ${reason} (${code})`;
  // Who writes to an open file is not told its name again.
  return ["write", "fsync"].includes(syscall) && code in reasons
    ? `a file cannot be written: ${reason} (${code})`
    : null;
}

/** The same of what a shell gave the command to write its result to. */
export function outputSentence({ code, message }: NodeJS.ErrnoException): string {
  const reason = code === undefined ? message : `${reasons[code] ?? message} (${code})`;
  return `standard output cannot be written, so the result is not whole: ${reason}`;
}

/** And where whoever read it went away. */
export const unreadSentence =
  "nobody reads standard output any more, so it ended before it was done";
