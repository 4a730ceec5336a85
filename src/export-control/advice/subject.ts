import { destinationOf } from "../destination.ts";
import type { EntityFacts, Facts, PersonFacts, SubjectFacts } from "../facts.ts";
import type { Case } from "../finding.ts";
import { deemedRecipients } from "../nationality.ts";
import { indexOf } from "../rulebook-index.ts";
import { calendarDate, dateAt } from "../time.ts";
import { isCurrent } from "../verified.ts";
import type { Supposed, Supposition } from "./change.ts";

/** What could be done, or has to be asked, about whoever receives. What is recorded and known is never supposed to be otherwise. */
export function aboutSubject(given: Case): readonly Supposition[] {
  const { subject } = given.facts;
  const { at } = given.facts;
  const ended = endedGroups(personOf(subject), at);
  const person = ended.reduce((known, group) => renewed(known, group, at), personOf(subject));
  return [
    ...aboutStandings(subject),
    ...ended.map((group) => aboutVerification(person.id, group)),
    ...aboutNationality(given, person),
    ...aboutEmployment(given, person),
    ...(subject.kind === "workload" ? aboutEntity(given, subject.workload.entity) : []),
  ];
}

/** Whoever is suspended can be reinstated; what is revoked stays so. */
function aboutStandings(subject: SubjectFacts): readonly Supposition[] {
  const person = personOf(subject);
  const suppositions: Supposition[] = [];
  const suspended = (word: string, id: string, apply: Supposed["apply"]) =>
    suppositions.push([
      {
        change: `reinstate-${word}`,
        kind: "act",
        sentence: `An officer reinstates ${word} ${id}, which is suspended.`,
        apply,
      },
    ]);
  if (person.state === "suspended") suspended("person", person.id, withPerson({ state: "active" }));
  if (subject.kind === "person") return suppositions;
  const { workload } = subject;
  if (workload.state === "suspended")
    suspended("workload", workload.id, (facts) =>
      facts.subject.kind === "person"
        ? facts
        : {
            ...facts,
            subject: { kind: "workload", workload: { ...facts.subject.workload, state: "active" } },
          },
    );
  if (workload.entity.state === "suspended")
    suspended("entity", workload.entity.id, withEntity({ state: "active" }));
  return suppositions;
}

type Group = keyof NonNullable<PersonFacts["verifications"]>;

const groupNames: Readonly<Record<Group, string>> = {
  usPerson: "U.S.-person status",
  nationality: "citizenships and permanent residencies",
  employment: "employment",
  acknowledgements: "papers",
};

function endedGroups({ verifications }: PersonFacts, at: string): readonly Group[] {
  const groups = Object.keys(groupNames) as readonly Group[];
  return groups.filter((group) => !isCurrent(verifications?.[group], at));
}

/** The facts stay as recorded: only whether they still are so is asked. */
function aboutVerification(id: string, group: Group): Supposition {
  return [
    {
      change: "renew-verification",
      kind: "question",
      sentence: `Is what is recorded of the ${groupNames[group]} of person ${id} still so? Its verification has ended; only where an officer verifies it anew, this no longer stands in the way.`,
      apply: (facts) =>
        withPerson({
          verifications: renewed(personOf(facts.subject), group, facts.at).verifications,
        })(facts),
    },
  ];
}

function renewed(person: PersonFacts, group: Group, at: string): PersonFacts {
  const { verifications } = person;
  const ended = verifications?.[group] ?? null;
  if (verifications === null || ended === null) return person;
  const today = { ...ended, on: dateAt(at) ?? ended.on, expiresOn: null };
  return { ...person, verifications: { ...verifications, [group]: today } };
}

function aboutNationality(given: Case, person: PersonFacts): readonly Supposition[] {
  const { id, usPerson } = person;
  const alone: Case = {
    ...given,
    facts: { ...given.facts, subject: { kind: "person", person } },
  };
  if (deemedRecipients(alone).known) return [];
  if (usPerson === null || isContradictory(given, person)) {
    const doubt =
      usPerson === null
        ? ""
        : " The record says no, and names the United States among the statuses.";
    return [
      [
        {
          change: "record-us-person",
          kind: "question",
          sentence: `Is person ${id} a U.S. person (citizen, national, permanent resident or protected individual; 15 CFR 772.1)?${doubt} If so, and recorded on the person's own statement, this no longer stands in the way; if not, the citizenships and permanent residencies are asked.`,
          apply: withPerson({ usPerson: { value: true, category: null } }),
        },
      ],
    ];
  }
  const [first, ...rest] = candidates(given).map((country): Supposed => {
    const answered = nationalOf(given, person, country);
    return {
      change: "record-nationality",
      kind: "question",
      sentence: `Of which countries is person ${id} a citizen or permanent resident, and since when? The country acquired last decides (734.13(b)). This was tried with ${answered.tried}; any other answer is decided anew.`,
      apply: withPerson(answered.facts),
    };
  });
  return first === undefined ? [] : [[first, ...rest]];
}

function isContradictory({ facts: { at } }: Case, person: PersonFacts): boolean {
  const today = dateAt(at);
  const statuses = [...(person.citizenships ?? []), ...(person.permanentResidencies ?? [])];
  return (
    today !== null &&
    person.citizenships !== null &&
    person.permanentResidencies !== null &&
    statuses.some(
      ({ country, from, until }) =>
        country === "US" && from <= today && (until === null || until > today),
    )
  );
}

/** The destination's own country first, since a release to its nationals is no deemed reexport; then the closest partners. */
function candidates(given: Case): readonly string[] {
  const destination = destinationOf(given);
  const own = destination.kind === "abroad" ? [destination.country] : [];
  const partners = given.rulebook.supplementFiveDestinations.filter((code) => code !== "US");
  return [...new Set([...own, ...partners])];
}

/** What is recorded and can be read stays; a list that nobody knows is taken as empty, unless no status would be left. */
function nationalOf(given: Case, person: PersonFacts, country: string) {
  const { countries } = indexOf(given.rulebook);
  const today = dateAt(given.facts.at) ?? given.rulebook.asOf;
  const readable = (statuses: PersonFacts["citizenships"]) =>
    (statuses ?? []).filter(
      (status) =>
        countries.has(status.country) &&
        calendarDate(status.from) !== null &&
        (status.until === null || calendarDate(status.until) !== null),
    );
  const [citizenships, permanentResidencies] = [
    readable(person.citizenships),
    readable(person.permanentResidencies),
  ];
  const isHeld = [...citizenships, ...permanentResidencies].some(
    ({ from, until }) => from <= today && (until === null || until > today),
  );
  if (isHeld)
    return { tried: "no more than is recorded", facts: { citizenships, permanentResidencies } };
  const answered = [...citizenships, { country, from: today, until: null }];
  return {
    tried: `a citizenship of ${country}`,
    facts: { citizenships: answered, permanentResidencies },
  };
}

function aboutEmployment(
  { rulebook }: Case,
  { id, employment }: PersonFacts,
): readonly Supposition[] {
  const { countries } = indexOf(rulebook);
  const isKnown = (country: string | null) => country !== null && countries.has(country);
  if (
    employment !== null &&
    isKnown(employment.entityHeadquarters) &&
    isKnown(employment.ultimateParentHeadquarters)
  )
    return [];
  if (employment === null) {
    const sentence = `For whom does person ${id} work? If recorded as a permanent and regular employee (734.20(d)(2)) of an entity with its headquarters and its ultimate parent's in a destination of Supplement No. 5(a) to Part 740, this no longer stands in the way; any other answer is decided anew, and can only restrict elsewhere.`;
    const apply = withPerson({
      employment: {
        entityHeadquarters: "US",
        ultimateParentHeadquarters: "US",
        permanentRegular: true,
      },
    });
    return [[{ change: "record-employment", kind: "question", sentence, apply }]];
  }
  const orHere = (country: string | null) =>
    country !== null && countries.has(country) ? country : "US";
  const apply = withPerson({
    employment: {
      ...employment,
      entityHeadquarters: orHere(employment.entityHeadquarters),
      ultimateParentHeadquarters: orHere(employment.ultimateParentHeadquarters),
    },
  });
  const sentence = `In which country has the employer of person ${id} its headquarters, and its ultimate parent? If what is not known is recorded as the United States, this no longer stands in the way; any other answer is decided anew.`;
  return [[{ change: "record-employer-headquarters", kind: "question", sentence, apply }]];
}

function aboutEntity(given: Case, entity: EntityFacts): readonly Supposition[] {
  const { countries } = indexOf(given.rulebook);
  const { id, country, headquarters, ultimateParentHeadquarters, ownership } = entity;
  const suppositions: Supposition[] = [];
  const isOpen = (place: string | null) => place === null || !countries.has(place);
  if ([country, headquarters, ultimateParentHeadquarters].some(isOpen)) {
    const orHere = (place: string | null) => (isOpen(place) ? "US" : place);
    suppositions.push([
      {
        change: "record-entity-places",
        kind: "question",
        sentence: `Where is entity ${id} organised, where are its headquarters, and where its ultimate parent's? If what is not known is recorded as the United States, this no longer stands in the way; any other answer is decided anew.`,
        apply: withEntity({
          country: orHere(country),
          headquarters: orHere(headquarters),
          ultimateParentHeadquarters: orHere(ultimateParentHeadquarters),
        }),
      },
    ]);
  }
  if (ownership === null || ownership === "listed-owner-below-half") {
    const asked =
      ownership === null
        ? "Does any party on the Entity List, the MEU List or the SDN List own a part"
        : "Has counsel resolved the red flag, and does no listed party own a part any more";
    suppositions.push([
      {
        change: "record-ownership",
        kind: "question",
        sentence: `${asked} of entity ${id}? Only where an officer records that none does, this no longer stands in the way; a part holds, and half denies.`,
        apply: withEntity({ ownership: "no-listed-owner" }),
      },
    ]);
  }
  return suppositions;
}

function personOf(subject: SubjectFacts): PersonFacts {
  return subject.kind === "person" ? subject.person : subject.workload.accountable;
}

/** The facts with members of the person, or of the workload's accountable person, recorded anew. */
export function withPerson(more: Partial<PersonFacts>): (facts: Facts) => Facts {
  return (facts) => {
    const { subject } = facts;
    if (subject.kind === "person")
      return { ...facts, subject: { kind: "person", person: { ...subject.person, ...more } } };
    const accountable = { ...subject.workload.accountable, ...more };
    return {
      ...facts,
      subject: { kind: "workload", workload: { ...subject.workload, accountable } },
    };
  };
}

/** The same for the workload's entity. */
export function withEntity(more: Partial<EntityFacts>): (facts: Facts) => Facts {
  return (facts) => {
    const { subject } = facts;
    if (subject.kind === "person") return facts;
    const entity = { ...subject.workload.entity, ...more };
    return { ...facts, subject: { kind: "workload", workload: { ...subject.workload, entity } } };
  };
}
