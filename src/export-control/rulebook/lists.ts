import type { ListEffect } from "./rule.ts";

const common = {
  asOf: "2026-07-31",
  status: { kind: "in-force" },
  confidence: "text",
  counsel: "needs-sign-off",
  note: "",
} as const;

/** What a match means, list by list. A list that is not here holds. */
export const lists: readonly ListEffect[] = [
  list(
    "DPL",
    "fail",
    "15 CFR Part 764 Supp. No. 2",
    "A denial order bars taking part in any transaction in items subject to the EAR.",
  ),
  list(
    "EL",
    "fail",
    "15 CFR 744.11, 744.16",
    "The entry requires a license, usually for every item subject to the EAR, and no license exception overcomes it.",
  ),
  list(
    "SDN",
    "fail",
    "15 CFR 744.8; 31 CFR Chapter V",
    "The party's property is blocked, and 744.8 adds a license requirement for the programs that it names.",
  ),
  list(
    "MEU",
    "hold",
    "15 CFR 744.21; Part 744 Supp. No. 7",
    "A license is required for the items of Supplement No. 2 to Part 744; whether this item is one is for an officer.",
  ),
  list(
    "UVL",
    "hold",
    "15 CFR 744.15, 740.2(a)(17)",
    "No license exception may be used and a UVL statement must be in hand first.",
  ),
  list(
    "ISN",
    "hold",
    "State Department nonproliferation sanctions",
    "The Federal Register notice says what is barred; an officer has to read it.",
  ),
  list(
    "DTC",
    "hold",
    "22 CFR 127.7",
    "The party is debarred from ITAR activity; what that means for an EAR item is for an officer.",
  ),
  list(
    "SSI",
    "hold",
    "31 CFR Part 589",
    "The directives bar particular dealings; an officer has to read them.",
  ),
  list(
    "CMIC",
    "hold",
    "E.O. 13959 as amended",
    "Dealings in securities are restricted; the match is a red flag that an officer has to resolve.",
  ),
  list(
    "NS-MBS",
    "hold",
    "OFAC menu-based sanctions",
    "Particular sanctions apply; an officer has to read the entry.",
  ),
  list(
    "CAP",
    "hold",
    "OFAC correspondent account sanctions",
    "Banking relations are restricted; an officer has to read the entry.",
  ),
  list(
    "PLC",
    "hold",
    "OFAC, Palestinian Legislative Council list",
    "Particular dealings are barred; an officer has to read the entry.",
  ),
  list(
    "FSE",
    "hold",
    "OFAC, Foreign Sanctions Evaders list",
    "Particular dealings are barred; an officer has to read the entry.",
  ),
];

function list(
  code: string,
  effect: ListEffect["effect"],
  citation: string,
  meaning: string,
): ListEffect {
  return { ...common, id: `list-${code}`, code, effect, citation, meaning };
}
