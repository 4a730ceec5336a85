import { type ListedParty, listOf, type ScreeningList } from "./list.ts";

const parties: readonly ListedParty[] = [
  invented("DPL", "SAMPLE-1", "Individual", "MERRIWEATHER, Barnaby Quillon", [
    "Barney Merriweather",
  ]),
  invented("EL", "SAMPLE-2", "Entity", "Zephyrine Lattice Works Co., Ltd.", ["ZLW Computing"]),
  invented("EL", "SAMPLE-3", "Entity", "Institute for Imaginary Compute (IIC)", []),
  invented("SDN", "SAMPLE-4", "Individual", "VANTERPOEL, Isolde", ["Isolda van der Poel"]),
  invented("SDN", "SAMPLE-5", "Entity", "Crimson Heron Shipping & Trading", []),
  invented("UVL", "SAMPLE-6", "Entity", "Halcyon Bobbin Electronics FZE", []),
  invented("MEU", "SAMPLE-7", "Entity", "Northlight Ballistics Design Bureau", ["NBDB"]),
  invented("CMIC", "SAMPLE-8", "Entity", "Jade Pavilion Semiconductor Holdings", []),
  invented(
    "ISN",
    "SAMPLE-9",
    "Entity",
    "Ostrich & Daughters; and any successor or subsidiary thereof",
    [],
  ),
];

/**
 * A list of parties who do not exist, for trying the vault out and for tests. It can deny; it clears nobody except
 * where the facts say that the vault is a trial. Any likeness to a real name is chance.
 */
export const sampleList: ScreeningList = listOf(
  { name: "Sample list of invented parties", asOf: "2026-11-01", kind: "sample" },
  [JSON.stringify(parties)],
  parties,
);

function invented(
  source: string,
  entry: string,
  type: string,
  name: string,
  alternateNames: readonly string[],
): ListedParty {
  return { source, entry, name, alternateNames, type };
}
