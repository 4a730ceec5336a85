import type { EntryTable } from "./controls.ts";

const tiers = "higher-printed higher-enforced lower";

/**
 * Supplement No. 1 to 15 CFR Part 774 as of 2026-07-23, read from the side of the item: which controls of its entry catch each paragraph. The entry
 * prints them the other way, control by control. Software and technology stand under the paragraph of what they are for.
 */
// biome-ignore format: a table reads by its rows
export const categoriesZeroAndThree: readonly EntryTable[] = [
  { eccn: "0A521", kind: "commodity", whole: "temporary", paragraphs: [] },
  { eccn: "0D521", kind: "software", whole: "temporary", paragraphs: [] },
  { eccn: "0E521", kind: "technology", whole: "temporary", paragraphs: [] },
  {
    eccn: "3A001", kind: "commodity", whole: `NS1 NS2 RS1 ${tiers} MT1 NP1 AT`,
    paragraphs: [
      ["3A001.b.2 3A001.b.3", "NS1 NS2 RS1 AT"],
      ["3A001.z.1.a 3A001.z.4.a", "NS2 higher-printed higher-enforced AT"],
      ["3A001.z.2.a", "NS2 higher-printed higher-enforced MT1 AT"],
      ["3A001.z.3.a", "NS2 higher-printed higher-enforced NP1 AT"],
      ["3A001.z.1.b 3A001.z.4.b", "NS2 lower AT"],
      ["3A001.z.2.b", "NS2 lower MT1 AT"],
      ["3A001.z.3.b", "NS2 lower NP1 AT"],
      ["3A001.z.2.c", "NS2 MT1 AT"],
      ["3A001.z.3.c", "NS2 NP1 AT"],
      ["3A001.a.1.a 3A001.a.5.a", "NS2 MT1 AT"],
      ["3A001.e.2 3A001.e.3", "NS2 NP1 AT"],
    ],
  },
  {
    eccn: "3A090", kind: "commodity", whole: `${tiers} macau-d5-memory AT`,
    paragraphs: [
      ["3A090.a", "higher-printed higher-enforced AT"],
      ["3A090.b", "lower AT"],
      ["3A090.c", "macau-d5-memory AT"],
    ],
  },
  {
    eccn: "3D001", kind: "software", whole: `equipment-ns equipment-rs NS1 ${tiers} macau-d5 AT`,
    paragraphs: [
      ["3A001.b.4 3A001.c 3A001.d 3A001.e 3A001.f 3A001.g 3A001.h 3A001.z.9 3B001.h 3B002.a", "NS1 AT"],
      ["3B001.q", "equipment-ns equipment-rs NS1 AT"],
      ["3A001.z.1.a 3A001.z.2.a 3A001.z.3.a 3A001.z.4.a", "NS1 higher-printed higher-enforced AT"],
      ["3A001.z.1.b 3A001.z.2.b 3A001.z.3.b 3A001.z.4.b", "NS1 lower AT"],
      ["3A090.a", "higher-printed higher-enforced AT"],
      ["3A090.b", "lower AT"],
      ["3A090.c", "macau-d5 AT"],
    ],
  },
  {
    eccn: "3D992", kind: "software", whole: "macau-d5-ns macau-d5 equipment-ns equipment-rs AT",
    paragraphs: [
      ["3B001.a.4 3B001.d 3B001.f.1 3B001.f.5 3B001.f.6 3B001.k 3B001.l 3B001.m 3B001.n 3B001.p.2 3B001.p.4 3B001.r 3B002.c", "macau-d5-ns macau-d5 AT"],
      ["3B001.c.1.a 3B001.c.1.c", "macau-d5-ns macau-d5 equipment-ns equipment-rs AT"],
    ],
  },
  {
    eccn: "3E001", kind: "technology", whole: "NS1 MT1 NP1 out-of-d5 higher-printed lower macau-d5-memory RS2 AT",
    paragraphs: [
      ["3A002.d 3A003 3B001.h 3B002.a 3C001 3C002 3C003 3C004 3C005 3C006", "NS1 AT"],
      ["3A001.g", "NS1 MT1 NP1 AT"],
      ["3A101", "MT1 AT"],
      ["3A201 3A225 3A226 3A227 3A228 3A229 3A230 3A231 3A232 3A233 3A234", "NP1 AT"],
      ["3A001.z.1.a 3A001.z.2.a 3A001.z.3.a 3A001.z.4.a", "NS1 MT1 NP1 higher-printed lower AT"],
      ["3A001.z.1.b 3A001.z.2.b 3A001.z.3.b 3A001.z.4.b", "NS1 MT1 NP1 lower AT"],
      ["3A090.a", "out-of-d5 higher-printed lower AT"],
      ["3A090.b", "out-of-d5 lower AT"],
      ["3A090.c", "out-of-d5 macau-d5-memory AT"],
      ["3A001.a.15 3A001.b.13", "NS1 MT1 NP1 RS2 AT"],
      ["3A004 3B003 3C007 3C008 3C009", "RS2 AT"],
    ],
  },
  {
    eccn: "3E992", kind: "technology", whole: "macau-d5-ns macau-d5 equipment-ns equipment-rs AT",
    paragraphs: [
      ["3B001.a.4 3B001.d 3B001.f.1 3B001.f.5 3B001.f.6 3B001.k 3B001.l 3B001.m 3B001.n 3B001.p.2 3B001.p.4 3B001.r 3B002.c", "macau-d5-ns macau-d5 AT"],
      ["3B001.c.1.a 3B001.c.1.c", "macau-d5-ns macau-d5 equipment-ns equipment-rs AT"],
    ],
  },
];

// biome-ignore format: a table reads by its rows
export const categoryFour: readonly EntryTable[] = [
  {
    eccn: "4A003", kind: "commodity", whole: `NS1 NS2 ${tiers} CC1 AT`,
    paragraphs: [
      ["4A003.b 4A003.c 4A003.z.1.c", "NS1 CC1 AT"],
      ["4A003.g 4A003.z.2.c", "NS2 CC1 AT"],
      ["4A003.z.1.a", "NS1 higher-printed higher-enforced CC1 AT"],
      ["4A003.z.2.a", "NS2 higher-printed higher-enforced CC1 AT"],
      ["4A003.z.1.b", "NS1 lower CC1 AT"],
      ["4A003.z.2.b", "NS2 lower CC1 AT"],
    ],
  },
  {
    eccn: "4A004", kind: "commodity", whole: `NS2 ${tiers} AT`,
    paragraphs: [["4A004.z.1", "NS2 higher-printed higher-enforced AT"], ["4A004.z.2", "NS2 lower AT"]],
  },
  {
    eccn: "4A005", kind: "commodity", whole: `NS1 ${tiers} AT`,
    paragraphs: [["4A005.z.1", "NS1 higher-printed higher-enforced AT"], ["4A005.z.2", "NS1 lower AT"]],
  },
  {
    eccn: "4A090", kind: "commodity", whole: `${tiers} AT`,
    paragraphs: [["4A090.a", "higher-printed higher-enforced AT"], ["4A090.b", "lower AT"]],
  },
  { eccn: "4A994", kind: "commodity", whole: "AT", paragraphs: [] },
  {
    eccn: "4D001", kind: "software", whole: `NS1 ${tiers} CC1 AT`,
    paragraphs: [
      ["4A001.a 4A004.a 4A005.d", "NS1 AT"],
      ["4A003.b 4A003.c", "NS1 CC1 AT"],
      ["4A003.z.1.a 4A003.z.2.a", "NS1 higher-printed higher-enforced CC1 AT"],
      ["4A004.z.1 4A005.z.1", "NS1 higher-printed higher-enforced AT"],
      ["4A003.z.1.b 4A003.z.2.b", "NS1 lower CC1 AT"],
      ["4A004.z.2 4A005.z.2", "NS1 lower AT"],
    ],
  },
  {
    eccn: "4D090", kind: "software", whole: `${tiers} AT`,
    paragraphs: [["4A090.a", "higher-printed higher-enforced AT"], ["4A090.b", "lower AT"]],
  },
  { eccn: "4D993", kind: "software", whole: "AT", paragraphs: [] },
  { eccn: "4D994", kind: "software", whole: "AT", paragraphs: [] },
  {
    eccn: "4E001", kind: "technology", whole: `NS1 MT1 ${tiers} CC1 AT`,
    paragraphs: [
      ["4A001.b 4A004.a 4A005.d", "NS1 AT"],
      ["4A001.a.2 4A101", "NS1 MT1 AT"],
      ["4A003.b 4A003.c", "NS1 CC1 AT"],
      ["4A003.z.1.a 4A003.z.2.a", "NS1 higher-printed higher-enforced CC1 AT"],
      ["4A004.z.1 4A005.z.1", "NS1 higher-printed higher-enforced AT"],
      ["4A003.z.1.b 4A003.z.2.b", "NS1 lower CC1 AT"],
      ["4A004.z.2 4A005.z.2", "NS1 lower AT"],
      ["4A090.a 4D090.a", "higher-printed higher-enforced AT"],
      ["4A090.b 4D090.b", "lower AT"],
      ["4D001.a", "NS1 higher-printed higher-enforced lower AT"],
    ],
  },
  { eccn: "4E091", kind: "technology", whole: "weights AT", paragraphs: [] },
  { eccn: "4E992", kind: "technology", whole: "AT", paragraphs: [] },
  { eccn: "4E993", kind: "technology", whole: "AT", paragraphs: [] },
];

// biome-ignore format: a table reads by its rows
export const categoryFive: readonly EntryTable[] = [
  {
    eccn: "5A002", kind: "commodity", whole: `NS1 ${tiers} AT EI`,
    paragraphs: [
      ["5A002.z.1.a 5A002.z.2.a 5A002.z.3.a 5A002.z.4.a 5A002.z.5.a", "NS1 higher-printed higher-enforced AT EI"],
      ["5A002.z.1.b 5A002.z.2.b 5A002.z.3.b 5A002.z.4.b 5A002.z.5.b", "NS1 lower AT EI"],
    ],
  },
  {
    eccn: "5A992", kind: "commodity", whole: `${tiers} AT`,
    paragraphs: [["5A992.z.1", "higher-printed higher-enforced AT"], ["5A992.z.2", "lower AT"]],
  },
  {
    eccn: "5A004", kind: "commodity", whole: `NS1 ${tiers} AT EI`,
    paragraphs: [
      ["5A004.z.1.a 5A004.z.2.a", "NS1 higher-printed higher-enforced AT EI"],
      ["5A004.z.1.b 5A004.z.2.b", "NS1 lower AT EI"],
    ],
  },
  {
    eccn: "5D002", kind: "software", whole: `NS1 ${tiers} AT EI`,
    paragraphs: [
      ["5D002.a.1 5D002.b 5D002.c.1", "NS1 AT EI"],
      ["5D002.z.1.a 5D002.z.2.a 5D002.z.3.a 5D002.z.4.a 5D002.z.5.a 5D002.z.6.a 5D002.z.7.a 5D002.z.8.a 5D002.z.9.a", "NS1 higher-printed higher-enforced AT EI"],
      ["5D002.z.1.b 5D002.z.2.b 5D002.z.3.b 5D002.z.4.b 5D002.z.5.b 5D002.z.6.b 5D002.z.7.b 5D002.z.8.b 5D002.z.9.b", "NS1 lower AT EI"],
    ],
  },
  {
    eccn: "5D992", kind: "software", whole: `${tiers} AT`,
    paragraphs: [["5D992.c", "AT"], ["5D992.z.1", "higher-printed higher-enforced AT"], ["5D992.z.2", "lower AT"]],
  },
  {
    eccn: "5E002", kind: "technology", whole: `NS1 ${tiers} AT EI`,
    paragraphs: [
      ["5A002.a 5A002.b 5A002.c 5A002.d 5A002.e", "NS1 AT EI"],
      ["5A002.z.1.a 5A002.z.2.a 5A002.z.3.a 5A002.z.4.a 5A002.z.5.a 5A004.z.1.a 5A004.z.2.a", "NS1 higher-printed higher-enforced AT EI"],
      ["5A002.z.1.b 5A002.z.2.b 5A002.z.3.b 5A002.z.4.b 5A002.z.5.b 5A004.z.1.b 5A004.z.2.b", "NS1 lower AT EI"],
      ["5D002.a", "NS1 higher-printed higher-enforced lower AT EI"],
    ],
  },
  {
    eccn: "5E992", kind: "technology", whole: `${tiers} AT`,
    paragraphs: [["5A992.z.1 5D992.z.1", "higher-printed higher-enforced AT"], ["5A992.z.2 5D992.z.2", "lower AT"]],
  },
];
