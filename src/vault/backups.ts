/**
 * The last day, in UTC, on which a backup of the database from before `at` may still exist, and with it whatever was destroyed or replaced then;
 * null where nobody states how long backups are kept.
 */
export function restorableUntil(at: Date, backupRetentionDays: number | null): string | null {
  if (backupRetentionDays === null) return null;
  return new Date(at.getTime() + backupRetentionDays * 86_400_000).toISOString().slice(0, 10);
}
