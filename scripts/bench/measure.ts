/** One line of the answer. `ratio` is `value / baseline`, both taken in the same run. */
export type Figure = {
  readonly name: string;
  readonly value: number;
  readonly unit: "MiB/s" | "MiB" | "decisions/s" | "keys/s" | "entries/s" | "entries" | "ms";
  readonly baseline: number;
  readonly ratio: number;
};

export type Measurement = {
  /** What sizes are multiplied with: 1 is the full measurement, less is for smoke tests. */
  readonly scale: number;
  /** How many entries a measured log has, where somebody asked for a number. */
  readonly entries?: number;
  readonly progress: (text: string) => void;
};

export const mebibyte = 2 ** 20;
export const gibibyte = 2 ** 30;

export function scaled(sizeBytes: number, { scale }: Pick<Measurement, "scale">): number {
  return Math.max(1, Math.round(sizeBytes * scale));
}

/** Runs the work and gives its rate in MiB/s. */
export async function rateOf(sizeBytes: number, work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return sizeBytes / mebibyte / ((performance.now() - startedAt) / 1_000);
}

/**
 * Runs every subject once a round and gives the median of each. Machines that measure are shared and noisy, so a rate alone says little:
 * what a figure states is a ratio, its two sides take turns within seconds of each other, and the median leaves out the rounds that
 * something else disturbed. Every second round goes backwards, so that none always follows the same one.
 */
export async function interleave<Name extends string>(
  rounds: number,
  subjects: Readonly<Record<Name, () => Promise<number>>>,
  { progress }: Pick<Measurement, "progress">,
): Promise<Readonly<Record<Name, number>>> {
  const names = Object.keys(subjects) as Name[];
  const taken = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
    Name,
    number[]
  >;
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      taken[name].push(await subjects[name]());
      // A subject that only computes would keep an interruption waiting for ever.
      await new Promise(setImmediate);
    }
    const rates = names.map((name) => `${name} ${taken[name].at(-1)?.toFixed(0)} MiB/s`);
    progress(`  round ${round + 1} of ${rounds}: ${rates.join(", ")}`);
  }
  return Object.fromEntries(names.map((name) => [name, median(taken[name])])) as Record<
    Name,
    number
  >;
}

/** A stream of so many bytes, cut from one buffer that was made before. */
export async function* repeated(buffer: Buffer, sizeBytes: number): AsyncGenerator<Buffer> {
  for (let left = sizeBytes; left > 0; left -= buffer.length)
    yield left >= buffer.length ? buffer : buffer.subarray(0, left);
}

export function figure(
  name: string,
  unit: Figure["unit"],
  { value, baseline }: { readonly value: number; readonly baseline: number },
): Figure {
  const rounded = (number: number, digits: number) => Number(number.toFixed(digits));
  return {
    name,
    value: rounded(value, 1),
    unit,
    baseline: rounded(baseline, 1),
    ratio: rounded(value / baseline, 3),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(at)] ?? Number.NaN) + (sorted[Math.ceil(at)] ?? Number.NaN)) / 2;
}
