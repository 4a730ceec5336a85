import type { GeneralAuthorization, RegimeEmbargo, RegimeRules } from "../regimes/regime.ts";

/** Nothing here was read in the regulation itself: every row is from memory or from a secondary source, and says so. */
const common = {
  asOf: "2021-09-09",
  status: { kind: "in-force" },
  confidence: "inferred",
  counsel: "needs-sign-off",
  note: "From memory: no text of the regulation was at hand.",
} as const;

const memberStates =
  "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split(" ");

/** Parts of the customs territory with a code of their own. Whence they count; whither a transfer to them is taken for an export. */
const furtherTerritory = "AX GF GP MC MF MQ RE YT".split(" ");

const registered = {
  id: "registered",
  words: "the exporter registered the use of the authorization with its competent authority",
} as const;
const recorded = {
  id: "records-kept",
  words: "the exporter keeps the records and makes the reports that the authorization asks for",
} as const;
const unaware = {
  id: "no-barred-end-use",
  words:
    "the exporter neither was informed nor is aware of an end use of Article 4(1), and the item goes into no customs-free zone",
} as const;

const generalAuthorizations: readonly GeneralAuthorization[] = [
  {
    ...common,
    id: "eu-general-EU001",
    citation: "Regulation (EU) 2021/821, Art. 12(1)(d), Annex II Section A",
    symbol: "EU001",
    kinds: ["software", "technology"],
    destinations: "AU CA CH GB IS JP LI NO NZ US".split(" "),
    notOn: "annex-II-I",
    except: [],
    conditions: [registered, recorded, unaware],
  },
  {
    ...common,
    id: "eu-general-EU007",
    citation: "Regulation (EU) 2021/821, Art. 12(1)(d), Annex II Section G",
    symbol: "EU007",
    kinds: ["software", "technology"],
    destinations: "AR BR CL ID IL IN JO KR MA MX MY PH SG TH TN ZA".split(" "),
    notOn: "annex-II-I",
    except: ["4D004", "4E001", "5D001", "5E001"],
    note: `${common.note} It leaves out some paragraphs of these entries; the code alone does not tell them, so the entries are left out whole.`,
    conditions: [
      registered,
      recorded,
      unaware,
      {
        id: "intra-group",
        words:
          "the recipient is wholly owned and controlled by the exporter, or by the parent company that wholly owns and controls the exporter",
      },
      {
        id: "parent-resident",
        words:
          "the controlling company is resident in a member state or in a destination of Section A of Annex II and answers by a binding guarantee for the recipient",
      },
      {
        id: "product-development",
        words: "the item serves the recipient's own commercial product development alone",
      },
      {
        id: "returned-and-destroyed",
        words:
          "the item is returned and destroyed when the development ends or the recipient is acquired by others",
      },
    ],
  },
];

const prohibited: readonly string[] = ["BY", "IR", "KP", "RU", "SY"];
const armsEmbargo = "AF BY CD CF CN HK HT IQ IR KP LB LY MM MO RU SD SO SS SY VE YE ZW".split(" ");

const embargoes: readonly RegimeEmbargo[] = armsEmbargo.map((country) => ({
  ...common,
  id: `eu-embargo-${country}`,
  citation: prohibited.includes(country)
    ? "Regulation (EU) 2021/821, Art. 4(1)(b); the Union's restrictive measures on the country (Art. 215 TFEU)"
    : "Regulation (EU) 2021/821, Art. 4(1)(b); the Union's arms embargo on the country",
  country,
  demand: prohibited.includes(country) ? "license" : "question",
  note: `${common.note} Embargoes on some parties of a country, the declaration on China of 1989, with Hong Kong and Macau, and embargoes that may have been lifted are taken as embargoes.`,
}));

/** The European Union: Regulation (EU) 2021/821, so far as software and technology are transmitted out of it. */
export const europeanUnion: RegimeRules = {
  ...common,
  id: "regime-eu",
  citation: "Regulation (EU) 2021/821",
  jurisdiction: "EU",
  name: "the European Union",
  nexus: "ship-from",
  territory: [...memberStates, ...furtherTerritory],
  internal: memberStates,
  subjectTests: ["location"],
  lists: [
    {
      ...common,
      id: "eu-list-annex-I",
      citation: "Regulation (EU) 2021/821, Art. 3(1), Annex I",
      list: "annex-I",
      title: "Annex I",
      numbering: "union",
      note: `${common.note} Numbers of the EAR's own, such as 090 and 9xx, are taken for none of Annex I.`,
    },
    {
      ...common,
      id: "eu-list-annex-IV",
      citation: "Regulation (EU) 2021/821, Art. 11(1), Annex IV",
      list: "annex-IV",
      title: "Annex IV",
      numbering: "union",
    },
    {
      ...common,
      id: "eu-list-annex-II-I",
      citation: "Regulation (EU) 2021/821, Annex II Section I",
      list: "annex-II-I",
      title: "Section I of Annex II",
      numbering: "union",
      note: `${common.note} The list that was Annex IIg before the recast: items that no Union general export authorization reaches.`,
    },
  ],
  decontrols: [
    {
      ...common,
      id: "eu-note-technology-public",
      citation: "Regulation (EU) 2021/821, Annex I, General Technology Note",
      decontrol: "public-domain",
      kinds: ["technology", "software"],
      except: ["5D002"],
      note: `${common.note} For software it is the General Software Note. Software of 5D002 is left in, cautiously.`,
    },
    {
      ...common,
      id: "eu-note-technology-research",
      citation: "Regulation (EU) 2021/821, Annex I, General Technology Note",
      decontrol: "basic-scientific-research",
      kinds: ["technology"],
      except: [],
    },
    {
      ...common,
      id: "eu-note-minimum",
      citation:
        "Regulation (EU) 2021/821, Annex I, General Technology Note and General Software Note",
      decontrol: "minimum-necessary",
      kinds: ["technology", "software"],
      except: [],
      note: `${common.note} The minimum for installation, operation, maintenance or repair of what was authorized, in object code for software; or for a patent application.`,
    },
    {
      ...common,
      id: "eu-note-software-available",
      citation: "Regulation (EU) 2021/821, Annex I, General Software Note",
      decontrol: "generally-available",
      kinds: ["software"],
      except: ["5D"],
      note: `${common.note} The note does not release Category 5 Part 2; all software of Category 5 is left in, since the code alone does not tell the parts apart.`,
    },
  ],
  generalAuthorizations,
  embargoes,
  principles: [
    {
      ...common,
      id: "eu-principle-export",
      confidence: "secondary",
      citation: "Regulation (EU) 2021/821, Art. 2(2)(d)",
      rule: "To transmit software or technology electronically to a destination outside the customs territory, or to make it available there, is an export. Keys that open it are taken as the item itself.",
      note: "From a secondary source; that keys are the item is our reading.",
    },
    {
      ...common,
      id: "eu-principle-location",
      citation: "Regulation (EU) 2021/821, Art. 2(2)(d)",
      rule: "The place counts, not the nationality: who receives inside the Union receives no export, whoever they are.",
    },
    {
      ...common,
      id: "eu-principle-internal",
      citation: "Regulation (EU) 2021/821, Art. 11",
      rule: "A transfer from one member state to another needs an authorization for items of Annex IV alone; its papers state that the item is controlled if exported.",
    },
    {
      ...common,
      id: "eu-principle-end-use",
      citation: "Regulation (EU) 2021/821, Art. 4",
      rule: "Items on no list need an authorization for weapons of mass destruction, for a military end use where the purchasing country or the destination is under an arms embargo, and as parts of unlawfully exported arms. An officer judges it, and under an embargo answers for the party.",
    },
  ],
  question: null,
};
