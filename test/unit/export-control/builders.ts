import type {
  ClassificationFacts,
  Dated,
  Facts,
  License,
  LicenseScope,
  PersonFacts,
  WorkloadFacts,
} from "../../../src/export-control/facts.ts";

/** A U.S. citizen in good standing. */
export const citizen: PersonFacts = {
  id: "person-citizen",
  state: "active",
  usPerson: { value: true, category: "citizen" },
  citizenships: null,
  permanentResidencies: null,
  employment: null,
  engagement: null,
  acknowledgements: null,
  verifications: null,
};

/** A status held since a day in 1990, or as told. */
export function held(country: string, from = "1990-01-01", until: string | null = null): Dated {
  return { country, from, until };
}

/** A foreign person whose one citizenship is of that country, employed by a U.S. company. */
export function nationalOf(country: string, more: Partial<PersonFacts> = {}): PersonFacts {
  return {
    id: `person-${country}`,
    state: "active",
    usPerson: { value: false, category: null },
    citizenships: [held(country)],
    permanentResidencies: [],
    employment: {
      entityHeadquarters: "US",
      ultimateParentHeadquarters: "US",
      permanentRegular: false,
    },
    engagement: null,
    acknowledgements: null,
    verifications: null,
    ...more,
  };
}

export function classified(
  eccn: string,
  more: Partial<ClassificationFacts> = {},
): ClassificationFacts {
  return {
    id: "classification-1",
    state: "approved",
    jurisdiction: "EAR",
    eccn,
    paragraph: null,
    basis: "counsel",
    form: null,
    published: null,
    statements: null,
    computer: null,
    determination: null,
    proposedBy: "officer-1",
    approvedBy: "officer-2",
    ...more,
  };
}

export function workload(
  entity: Partial<WorkloadFacts["entity"]> = {},
  accountable: PersonFacts = citizen,
): WorkloadFacts {
  return {
    id: "workload-1",
    state: "active",
    accountable,
    entity: {
      id: "entity-1",
      state: "active",
      country: "US",
      headquarters: "US",
      ultimateParentHeadquarters: "US",
      ownership: "no-listed-owner",
      acknowledgements: null,
      ...entity,
    },
  };
}

export const screenedClean = {
  list: { name: "Consolidated Screening List", digest: "00", asOf: "2026-11-22", kind: "loaded" },
  parties: 1,
  screened: 1,
  maxAgeDays: 14,
  isTrial: false,
  matches: [],
} as const satisfies Facts["screening"];

/** The same for a workload, which has two parties: the accountable person and the entity. */
export const bothScreened = { ...screenedClean, parties: 2, screened: 2 };

/** A U.S. citizen asks, in the United States, for an approved repository under a grant: everything known, nothing in the way. */
export const base: Facts = {
  at: "2026-11-23T12:00:00.000Z",
  item: { repository: "lab/frontier", classification: classified("4E091") },
  subject: { kind: "person", person: citizen },
  grant: {
    id: "grant-1",
    state: "active",
    purpose: "evaluation",
    validFrom: "2026-01-01T00:00:00.000Z",
    validUntil: "2027-01-01T00:00:00.000Z",
  },
  destination: { country: "US", basis: "site", site: "site-us" },
  licenses: [],
  screening: screenedClean,
};

/** The base case with a person, a destination and an item of one's own. */
export function asks(
  person: PersonFacts,
  { to = "US", eccn = "4E091", paragraph = null, ...more }: Asked = {},
): Facts {
  return {
    ...base,
    item: { ...base.item, classification: classified(eccn, { paragraph }) },
    subject: { kind: "person", person },
    destination: { country: to, basis: "site", site: `site-${to}` },
    ...more,
  };
}

/** The same for a workload. */
export function runs(subject: WorkloadFacts, asked: Asked = {}): Facts {
  const screened = asks(citizen, { screening: bothScreened, ...asked });
  return { ...screened, subject: { kind: "workload", workload: subject } };
}

type Asked = Partial<Facts> & {
  readonly to?: string;
  readonly eccn?: string;
  readonly paragraph?: string | null;
};

/** A BIS license in force for the base repository's ECCN, open to whoever meets its countries. */
export function license(scope: Partial<LicenseScope> = {}, more: Partial<License> = {}): License {
  return {
    id: "license-1",
    number: "D0000001",
    kind: "bis-license",
    state: "active",
    scope: {
      eccns: ["4E091"],
      repositories: null,
      destinations: [],
      nationalities: [],
      parties: null,
      reasons: null,
      ...scope,
    },
    validFrom: "2026-01-01",
    validUntil: "2027-12-31",
    releasesLeft: null,
    riders: [],
    ...more,
  };
}

/** Parties named by id. */
export function naming(...persons: readonly string[]): NonNullable<LicenseScope["parties"]> {
  return { persons, workloads: [], entities: [] };
}

export function namingEntities(
  ...entities: readonly string[]
): NonNullable<LicenseScope["parties"]> {
  return { persons: [], workloads: [], entities };
}
