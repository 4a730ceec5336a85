/**
 * Where a folder keeps a rulebook that is not this version's own. Null for what is no SHA-256: whoever names it could else name a place outside of
 * the folder.
 */
export function rulebookFile(digest: string): string | null {
  return /^[0-9a-f]{64}$/.test(digest) ? `rulebooks/${digest}.json` : null;
}
