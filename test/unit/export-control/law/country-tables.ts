/**
 * The Country Groups of Supplement No. 1 to 15 CFR Part 740 as of 2026-07-23, unchanged on 2026-09-24: whom each group lists. Written from the
 * side of the groups, as the supplement prints them, and the rulebook from the side of the countries. Hong Kong stands where China does
 * (85 FR 83788).
 */
export const members: Readonly<Record<string, string>> = {
  "A:1":
    "AR AT AU BE BG CA CH CZ DE DK EE ES FI FR GB GR HR HU IE IN IS IT JP KR LT LU LV MX NL NO " +
    "NZ PL PT RO SE SI SK TR US ZA",
  "A:2":
    "AR AT AU BE BG BR CA CH CZ DE DK ES FI FR GB GR HU IE IN IS IT JP KR LU NL NO NZ PL PT SE " +
    "TR UA US ZA",
  "A:3":
    "AR AT AU BE BG CA CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IN IS IT JP KR LT LU LV MT MX " +
    "NL NO NZ PL PT RO SE SI SK TR UA US",
  "A:4":
    "AR AT AU BE BG BR CA CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT JP KR KZ LT LU LV MT " +
    "MX NL NO NZ PL PT RO RS SE SI SK TR UA US ZA",
  "A:5":
    "AE AR AT AU BE BG CA CH CZ DE DK EE ES FI FR GB GR HR HU IE IN IS IT JP KR LT LU LV NL NO " +
    "NZ PL PT RO SE SI SK TR",
  "A:6": "AL CY IL MT MX SG TW ZA",
  B:
    "AD AE AF AG AL AO AR AT AU AW BA BB BD BE BF BG BH BI BJ BN BO BR BS BT BW BZ CA CD CF CG " +
    "CH CI CL CM CO CR CV CW CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FM FR GA GB GD " +
    "GH GM GN GQ GR GT GW GY HN HR HT HU ID IE IL IN IS IT JM JO JP KE KI KM KN KR KW LB LC LK " +
    "LR LS LT LU LV MA MC ME MG MH MK ML MR MT MU MV MW MX MY MZ NA NE NG NL NO NP NR NZ OM PA " +
    "PE PG PH PK PL PT PW PY QA RO RS RW SA SB SC SD SE SG SI SK SL SM SN SO SR SS ST SV SX SZ " +
    "TD TG TH TL TN TO TR TT TV TW TZ UA UG US UY VA VC VU WS XK ZA ZM ZW",
  "D:1": "AM AZ BY CN GE HK IQ KG KH KP KZ LA LY MD MM MN MO NI RU TJ TM UZ VE VN YE",
  "D:2": "BY CU IL IQ IR KP LY PK RU VE",
  "D:3":
    "AF AM AZ BH BY CN CU EG GE HK IL IQ IR JO KG KP KW KZ LB LY MD MM MN MO OM PK QA RU SA SY " +
    "TJ TM TW UZ VE VN YE",
  "D:4": "BH BY CN EG HK IL IQ IR JO KP KW LB LY MO OM PK QA RU SA SY VE YE",
  "D:5": "AF BY CD CF CN CU ER HK HT IQ IR KP LB LY MM NI RU SD SO SS SY VE ZW",
  "E:1": "IR KP SY",
  "E:2": "CU",
};

/**
 * The Commerce Country Chart, Supplement No. 1 to 15 CFR Part 738, as of 2026-07-23, column by column: `marked` lists who has an X, `unmarked`
 * everyone who has none and stands in the chart, which the United States do not. Cuba, Iran, North Korea and Syria have no mark at all.
 */
export const chart: Readonly<
  Record<string, { readonly marked: string } | { readonly unmarked: string }>
> = {
  CB1: { unmarked: "CU IR KP SY" },
  CB2: {
    unmarked:
      "AR AT AU BE BG CA CH CU CY CZ DE DK EE ES FI FR GB GR HR HU IE IN IR IS IT JP KP KR LI " +
      "LT LU LV MT MX NL NO NZ PL PT RO SE SI SK SY TR UA",
  },
  CB3: {
    marked:
      "AE AF AM AZ BH BY CN EG GE HK IL IQ JO KG KW KZ LB LY MD MM MN MO OM PK QA RU SA TJ TM " +
      "TW UZ VE VN YE",
  },
  NP1: {
    unmarked:
      "AR AT AU BE BG BR CA CH CU CY CZ DE DK EE ES FI FR GB GR HR HU IE IR IS IT JP KP KR KZ " +
      "LI LT LU LV MT MX NL NO NZ PL PT RO RS SE SI SK SY TR UA ZA",
  },
  NP2: { marked: "BY CN HK IL IQ LY MO PK RU VE" },
  NS1: { unmarked: "AU CA CU GB IR KP SY" },
  NS2: {
    unmarked:
      "AR AT AU BE BG CA CH CU CZ DE DK EE ES FI FR GB GR HR HU IE IN IR IS IT JP KP KR LI LT " +
      "LU LV MX NL NO NZ PL PT RO SE SI SK SY TR ZA",
  },
  MT1: { unmarked: "AU CA CU GB IR KP SY" },
  RS1: { unmarked: "AU CA CU GB IR KP SY" },
  RS2: {
    unmarked:
      "AR AT AU BE BG CA CH CU CZ DE DK EE ES FI FR GB GR HR HU IE IN IR IS IT JP KP KR LI LT " +
      "LU LV MX NL NO NZ PL PT RO SE SI SK SY TR ZA",
  },
  FC1: {
    marked:
      "AG AR BB BO BR BS BZ CA CL CO CR DM DO EC GD GT GY HN HT JM KN LC MX NI PA PE PY SR SV " +
      "TT UY VC VE",
  },
  CC1: {
    unmarked:
      "AL AT AU BE BG CA CH CU CZ DE DK EE ES FI FR GB GR HR HU IE IN IR IS IT JP KP KR LI LT " +
      "LU LV NL NO NZ PL PT RO SE SI SK SY TR",
  },
  CC2: { marked: "AM AZ BY FJ GE IQ KG KH KZ LA MD ME MN RS RU RW TJ TM UA UZ VN XK" },
  CC3: {
    unmarked:
      "AL AM AT AU AZ BE BG BY CA CH CU CZ DE DK EE ES FI FR GB GE GR HR HU IE IN IQ IR IS IT " +
      "JP KG KH KP KR KZ LA LI LT LU LV MD MN NL NO NZ PL PT RO RU SE SI SK SY TJ TM TR UA UZ " +
      "VN",
  },
  AT1: { marked: "" },
  AT2: { marked: "" },
};

/** The footnotes of the chart and who bears them. Footnote 8, as found, repeats the text of 9. */
export const footnotes: Readonly<Record<string, string>> = {
  "1": "CD ER IQ IR KP LB LY SD SO",
  "2": "AL CY MT ZA",
  "3":
    "AL AT BE BG CH CY CZ DE DK EE ES FI FR GR HR HU IE IS IT JP KR LT LU LV MT NL NO NZ PL PT " +
    "RO SE SI SK ZA",
  "4": "AT CH CY FI IE KR MT SE ZA",
  "5": "LI",
  "6": "BY RU",
  "7": "IN",
  "8": "PK",
  "9": "UA",
  "10": "AU GB",
};

/** Supplement No. 5(a) to Part 740, as of 2026-09-24: Australia to the United States. */
export const supplementFive = "AU BE CA DK FI FR DE IE IT JP NL NZ NO KR ES SE TW GB US";

/** Where the regulation names a country otherwise than the Unicode locale data (CLDR) that the runtime carries do. */
export const namedOtherwise: Readonly<Record<string, string>> = {
  AG: "Antigua and Barbuda",
  BA: "Bosnia and Herzegovina",
  BS: "Bahamas, The",
  CD: "Congo, Democratic Republic of the",
  CG: "Congo, Republic of the",
  CI: "Côte d'Ivoire",
  CZ: "Czech Republic",
  GM: "Gambia, The",
  HK: "Hong Kong",
  KN: "St. Kitts and Nevis",
  KP: "Korea, North",
  KR: "Korea, South",
  MM: "Burma",
  MO: "Macau",
  ST: "Sao Tome and Principe",
  TT: "Trinidad and Tobago",
  VC: "St. Vincent and the Grenadines",
};
