import { compare, decimal, multiply, quotient, written } from "./decimal.ts";
import type { Circuit, Hardware, Memory } from "./form.ts";
import {
  densityStep,
  isAtLeast,
  isDense,
  type Performance,
  performanceOf,
  performanceStep,
  reachStep,
} from "./performance.ts";
import { type Findings, question, type Step } from "./proposal.ts";
import { citations, type Limit, type Limits, said } from "./thresholds.ts";

/** What of 3A090 or 4A090 hardware meets: `certain` paragraphs name it, `open` ones cannot be excluded. */
export type Met = Findings & {
  readonly certain: readonly Paragraph[];
  readonly open: readonly Paragraph[];
  /** What an officer should know besides, as whole sentences. */
  readonly remarks: readonly string[];
};

export type Paragraph = "3A090.a" | "3A090.b" | "3A090.c" | "4A090.a" | "4A090.b";

type Tier = "a" | "b";
type Tiers = { readonly certain: readonly Tier[]; readonly open: readonly Tier[] };

export function meetsOf(hardware: Hardware, path: string, limits: Limits): Met {
  switch (hardware.kind) {
    case "integrated-circuit":
      return named("3A090", judgeCircuit(hardware, path, limits));
    case "high-bandwidth-memory":
      return judgeMemory(hardware, { path, limits });
    case "computer": {
      const judged = hardware.circuits.map((each, at) =>
        judgeCircuit(each, `${path}circuits.${at}.`, limits),
      );
      const tiers = (of: "certain" | "open") => [...new Set(judged.flatMap((each) => each[of]))];
      return named("4A090", {
        certain: tiers("certain"),
        open: tiers("open"),
        steps: judged.flatMap(({ steps }) => steps),
        questions: judged.flatMap(({ questions }) => questions),
      });
    }
  }
}

function named(entry: "3A090" | "4A090", { certain, open, ...findings }: Tiers & Findings): Met {
  const paragraph = (tier: Tier): Paragraph => `${entry}.${tier}`;
  return {
    ...findings,
    certain: certain.map(paragraph),
    open: open.filter((tier) => !certain.includes(tier)).map(paragraph),
    remarks: [],
  };
}

/** A circuit against 3A090.a and .b. Whether it is for datacenters is asked below 4800 alone (Note 2); unknown, it is taken to be. */
function judgeCircuit(circuit: Circuit, path: string, limits: Limits): Tiers & Findings {
  const performance = performanceOf(circuit, path);
  const { atLeast } = performance;
  const found = (
    tiers: Partial<Tiers>,
    steps: readonly Step[],
    more: Findings["questions"] = [],
  ) => ({
    certain: tiers.certain ?? [],
    open: tiers.open ?? [],
    steps: [...performance.steps, higher, ...steps],
    questions: [...performance.questions, ...more],
  });
  const higher = performanceStep(atLeast, limits.higherPerformance, citations.higherTier);
  if (isAtLeast(atLeast, limits.higherPerformance.value)) return found({ certain: ["a"] }, []);
  if (circuit.isForDatacenters === false) {
    const open: readonly Tier[] = performance.isComplete ? [] : ["a"];
    return found({ open }, [notForDatacenters(limits.higherPerformance)]);
  }
  const least = performanceStep(atLeast, limits.leastPerformance, citations.lowerTier);
  if (performance.isComplete && !isAtLeast(atLeast, limits.leastPerformance.value))
    return found({}, [least]);
  const asked = circuit.isForDatacenters === null ? [datacenterQuestion(path)] : [];
  const { applicableDieArea } = circuit;
  const area = applicableDieArea === null ? null : decimal(applicableDieArea);
  if (area === null || area.digits === 0n)
    return found({ open: ["a", "b"] }, [least], [...asked, areaQuestion(path, area === null)]);
  const dense = judgeDensity(performance, area, limits);
  return found(dense.tiers, [least, ...dense.steps], asked);
}

function judgeDensity(
  { atLeast, isComplete }: Performance,
  area: ReturnType<typeof decimal>,
  limits: Limits,
): { readonly tiers: Partial<Tiers>; readonly steps: readonly Step[] } {
  const lower = { citation: citations.lowerTier } as const;
  const steps = [
    densityStep(atLeast, area),
    reachStep(atLeast, area, { limit: limits.higherDensity, citation: citations.higherTier }),
    reachStep(atLeast, area, { limit: limits.middleDensity, ...lower }),
    performanceStep(atLeast, limits.lowerPerformance, citations.lowerTier),
    reachStep(atLeast, area, { limit: limits.lowerDensity, ...lower }),
  ];
  const reaches = (limit: "leastPerformance" | "lowerPerformance") =>
    isAtLeast(atLeast, limits[limit].value);
  const dense = (limit: "higherDensity" | "middleDensity" | "lowerDensity") =>
    isDense(atLeast, area, limits[limit].value);
  if (reaches("leastPerformance") && dense("higherDensity"))
    return { tiers: { certain: ["a"] }, steps };
  // More performance can only lead upwards, so what is not stated leaves both tiers open.
  if (!isComplete) return { tiers: { open: ["a", "b"] }, steps };
  const isLower =
    (reaches("lowerPerformance") && dense("lowerDensity")) ||
    (reaches("leastPerformance") && dense("middleDensity"));
  return { tiers: isLower ? { certain: ["b"] } : {}, steps };
}

const claimed = { operands: [], result: null, threshold: null } as const;

function notForDatacenters(higher: Limit): Step {
  return {
    ...claimed,
    says: `Below ${said(higher)} the paragraphs leave out what is neither designed nor marketed for datacenters.`,
    formula: "designed or marketed for datacenters: no",
    citation: citations.notDatacenter,
  };
}

function datacenterQuestion(path: string) {
  return question(
    `${path}isForDatacenters`,
    "Is the circuit designed or marketed for datacenters? It is taken to be.",
    citations.notDatacenter,
    { isDecisive: false },
  );
}

function areaQuestion(path: string, isUnknown: boolean) {
  return question(
    `${path}applicableDieArea`,
    isUnknown
      ? "How many square millimetres of logic dies are made with non-planar transistors?"
      : "No die is made with non-planar transistors, so the density has no value; how does counsel read 3A090 then?",
    citations.density,
  );
}

/** Memory against 3A090.c: more than so many gigabytes a second for each square millimetre. */
function judgeMemory(
  { bandwidth, area, isPartOfProcessor }: Memory,
  { path, limits }: { readonly path: string; readonly limits: Limits },
): Met {
  const none = { certain: [], open: [], remarks: [], steps: [], questions: [] } as const;
  if (isPartOfProcessor === true) {
    const says =
      "Memory packaged with logic whose processing is dominant is judged with that circuit, not under 3A090.c.";
    return {
      ...none,
      steps: [
        {
          ...claimed,
          says,
          formula: "part of a processor: yes",
          citation: citations.memory,
        },
      ],
    };
  }
  const asked =
    isPartOfProcessor === null
      ? [
          question(
            `${path}isPartOfProcessor`,
            "Is the memory packaged with logic whose processing is the dominant function? It is taken not to be.",
            citations.memory,
            { isDecisive: false },
          ),
        ]
      : [];
  if (bandwidth === null || area === null) {
    const member = bandwidth === null ? "bandwidth" : "area";
    const asks = `What is the ${member} of the package, or of the stack where it is in none?`;
    const questions = [...asked, question(`${path}${member}`, asks, citations.memory)];
    return { ...none, open: ["3A090.c"], questions };
  }
  const [density, exception] = [
    memoryStep({ bandwidth, area }, "memoryDensity", limits),
    memoryStep({ bandwidth, area }, "memoryExceptionDensity", limits),
  ];
  const admitted = said(limits.memoryExceptionDensity);
  if (density.threshold?.isMet !== true) return { ...none, steps: [density], questions: asked };
  return {
    ...none,
    certain: ["3A090.c"],
    steps: [density, exception],
    questions: asked,
    remarks: [
      exception.threshold?.isMet === true
        ? `Below ${admitted} gigabytes a second for each square millimetre License Exception HBM (740.25) may be looked at.`
        : `At ${admitted} gigabytes a second for each square millimetre or more License Exception HBM (740.25) is out.`,
    ],
  };
}

function memoryStep(
  { bandwidth, area }: { readonly bandwidth: string; readonly area: string },
  limit: "memoryDensity" | "memoryExceptionDensity",
  limits: Limits,
): Step {
  const isDensity = limit === "memoryDensity";
  const { row, value: bound } = limits[limit];
  const order = compare(decimal(bandwidth), multiply(bound, decimal(area)));
  const isMet = isDensity ? order > 0 : order < 0;
  const [relation, unit] = [isDensity ? ">" : "<", "GB/s/mm2"] as const;
  const value = quotient(decimal(bandwidth), decimal(area));
  return {
    says: isDensity
      ? `Whether the memory bandwidth density is more than ${said(limits[limit])}.`
      : "Whether it is below what License Exception HBM admits.",
    formula: `${written(decimal(bandwidth))} GB/s / ${written(decimal(area))} mm2 = ${value} ${relation} ${written(bound)} ${unit}: ${isMet ? "yes" : "no"}`,
    operands: [
      { name: "bandwidth", value: written(decimal(bandwidth)), unit: "GB/s" },
      { name: "area", value: written(decimal(area)), unit: "mm2" },
    ],
    result: { value, unit },
    threshold: { row, relation, value: written(bound), unit, isMet },
    citation: isDensity ? citations.memory : citations.memoryException,
  };
}
