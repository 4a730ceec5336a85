/** What came of one mutant. */
export type Result = {
  /** Below the room's folder. */
  readonly file: string;
  /** File, line and change. */
  readonly name: string;
  /** The test that failed; null where the mutant survived. */
  readonly killedBy: string | null;
};

export function told({ name, killedBy }: Result): string {
  return killedBy === null ? `SURVIVED ${name}` : `killed ${name} by ${killedBy}`;
}

/** Prints the survivors and the score, by folder and in all. Returns the share that was killed. */
export function tell(
  results: readonly Result[],
  { all, asJson }: { readonly all: number; readonly asJson: boolean },
): number {
  const survivors = results.filter(({ killedBy }) => killedBy === null).map(({ name }) => name);
  const score = shareKilled(results);
  if (asJson) {
    const stated = { mutants: all, tried: results.length, score, survivors: survivors.sort() };
    process.stdout.write(`${JSON.stringify(stated)}\n`);
    return score;
  }
  for (const survivor of survivors.sort()) process.stdout.write(`survived: ${survivor}\n`);
  for (const [folder, within] of Map.groupBy(results, ({ file }) => folderOf(file)))
    process.stdout.write(`${folder}: ${shown(within)}\n`);
  process.stdout.write(`in all: ${shown(results)}, of ${all} that there are\n`);
  return score;
}

function shown(results: readonly Result[]): string {
  const killed = results.filter(({ killedBy }) => killedBy !== null).length;
  return `${(shareKilled(results) * 100).toFixed(1)} %, ${killed} of ${results.length} mutants killed`;
}

/** From 0 to 1. */
export function shareKilled(results: readonly Result[]): number {
  if (results.length === 0) return 0;
  return results.filter(({ killedBy }) => killedBy !== null).length / results.length;
}

function folderOf(file: string): string {
  const [folder, rest] = file.split("/");
  return rest === undefined ? "export-control/" : `export-control/${folder}/`;
}
