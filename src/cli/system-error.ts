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
  if (code === undefined || syscall === undefined || typeof path !== "string") return null;
  const reason = reasons[code] ?? "the system failed at it";
  return `${path} cannot be ${verbs[syscall] ?? "used"}: ${reason} (${code})`;
}
