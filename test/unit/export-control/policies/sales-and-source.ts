import { asks, license, naming } from "../builders.ts";
import { type Policy, paper, papers, someone, stating } from "./policy.ts";

const technology = { eccn: "4E001", paragraph: "4A001.b" } as const;
const sales = { statements: ["sales-technology"] } as const;
const offered = papers("quotation-bid-or-offer");
const software = { eccn: "5D002", paragraph: "5D002.c.1" } as const;
const open = { basis: "public-dissemination", on: "2026-11-01" } as const;
const source = {
  form: "source-code",
  published: open,
  statements: ["encryption-source-notified"],
} as const;

// biome-ignore format: a table reads by its rows
export const salesTechnology: readonly Policy[] = [
  ["TSU (b): sales technology of 4E001 to Germany with an offer", "740.13(b)", stating(asks(someone("US", offered), { ...technology, to: "DE" }), sales), "allow", { "export-ns": "covered" }, ["exception-tsu-b"]],
  ["TSU (b): sales technology to a German with an offer", "740.13(b)", stating(asks(someone("DE", offered), technology), sales), "allow", { "deemed-export-ns": "covered" }, ["exception-tsu-b"]],
  ["TSU (b): sales technology to Vietnam with an offer", "740.13(b)", stating(asks(someone("US", offered), { ...technology, to: "VN" }), sales), "allow", { "export-ns": "covered" }],
  ["TSU (b): technology that nobody states to be sales technology", "740.13(b)(2)(i)", asks(someone("US", offered), { ...technology, to: "DE" }), "deny", { "export-ns": "fail" }],
  ["TSU (b): technology of which something else is stated", "740.13(b)(2)(i)", stating(asks(someone("US", offered), { ...technology, to: "DE" }), { statements: ["minimum-operation"] }), "deny", { "export-ns": "fail" }],
  ["TSU (b): sales technology without an offer", "740.13(b)(1)", stating(asks(someone("US", papers()), { ...technology, to: "DE" }), sales), "deny", { "export-ns": "fail" }],
  ["TSU (b): sales technology, of whose papers nobody knows", "740.13(b)(1)", stating(asks(someone("US"), { ...technology, to: "DE" }), sales), "deny", { "export-ns": "fail" }],
  ["TSU (b): an offer that names another item", "740.13(b)(1)", stating(asks(someone("US", { acknowledgements: [paper("quotation-bid-or-offer", { eccns: ["3E001"] })] }), { ...technology, to: "DE" }), sales), "deny"],
  ["TSU (b): an offer on its last day", "740.13(b)(1)", stating(asks(someone("US", { acknowledgements: [paper("quotation-bid-or-offer", { expiresOn: "2026-11-23" })] }), { ...technology, to: "DE" }), sales), "allow"],
  ["TSU (b): an offer that ended yesterday", "740.13(b)(1)", stating(asks(someone("US", { acknowledgements: [paper("quotation-bid-or-offer", { expiresOn: "2026-11-22" })] }), { ...technology, to: "DE" }), sales), "deny"],
  ["TSU (b): only a proposal states sales technology", "740.13(b); two-person rule", stating(asks(someone("US", offered), { ...technology, to: "DE" }), { ...sales, state: "proposed", approvedBy: null }), "deny", { classification: "unknown", "export-ns": "fail" }],
  ["TSU (b): software is no sales technology", "740.13(b)(1)", stating(asks(someone("US", offered), { eccn: "4D001", paragraph: "4A001.b", to: "VN" }), sales), "deny", { "export-ns": "fail" }],
  ["TSU (b): 3E001 for 3A001, controlled for MT", "740.13(b), read strictly", stating(asks(someone("IN", offered), { eccn: "3E001", paragraph: "3A001.a" }), sales), "deny", { "deemed-export-ns": "fail" }],
  ["TSU (b): 5E002, controlled for EI", "740.13(b), read strictly", stating(asks(someone("DE", offered), { eccn: "5E002", paragraph: "5A002.a" }), sales), "deny", { "deemed-export-ei": "fail" }],
  ["TSU (b): 4E091 to Germany", "740.13(b); 742.6(a)(13)", stating(asks(someone("US", offered), { to: "DE" }), sales), "deny", { "export-rs": "fail" }, []],
  ["TSU (b): 4E091 to Vietnam, of D:1: 740.2(a)(9)(ii) does not leave it open", "740.2(a)(9)(ii)", stating(asks(someone("US", offered), { to: "VN" }), sales), "deny", { "export-rs": "fail" }, []],
  ["TSU (b): to Iran", "740.2(a)(6)", stating(asks(someone("US", offered), { ...technology, to: "IR" }), sales), "deny", { "embargo-destination": "fail" }, []],
  ["TSU (b): to a Cuban", "740.2(a)(6)", stating(asks(someone("CU", offered), technology), sales), "deny", { "embargo-nationality": "fail" }, []],
  ["TSU (b): to Russia, which 746.8 concerns", "740.2(a)(6)", stating(asks(someone("US", offered), { ...technology, to: "RU" }), sales), "deny", { "export-ns": "fail" }, []],
  ["TSU (e): an officer's own record of TSU for encryption source code is contradicted", "740.13(e), reserved", stating(asks(someone("DE"), { ...software, licenses: [license({ eccns: ["5D002"], nationalities: ["DE"], parties: naming("person-DE") }, { kind: "license-exception", number: "TSU" })] }), { form: "source-code" }), "deny", { "deemed-export-ei": "fail" }],
];

// biome-ignore format: a table reads by its rows
export const encryptionSource: readonly Policy[] = [
  ["published encryption source code, notified, to China", "742.15(b)", stating(asks(someone("US"), { ...software, to: "CN", licenses: [license({ eccns: ["5D002"], destinations: ["CN"], parties: naming("person-citizen") }, { kind: "no-license-required" })] }), source), "allow", { jurisdiction: "pass", eccn: "not-applicable", "export-ei": "not-applicable", "end-use": "covered" }],
  ["published encryption source code, notified, to a Vietnamese", "742.15(b)", stating(asks(someone("VN"), software), source), "allow", { jurisdiction: "pass", "deemed-export-ei": "not-applicable", "deemed-export-ns": "not-applicable" }],
  ["published encryption source code of which nobody states a notification", "742.15(b)", stating(asks(someone("VN"), software), { ...source, statements: [] }), "deny", { "deemed-export-ei": "fail" }],
  ["published encryption source code of which nothing is stated", "742.15(b)", stating(asks(someone("VN"), software), { ...source, statements: null }), "deny", { "deemed-export-ei": "fail" }],
  ["encryption source code that was notified and is not published", "742.15(b); 734.7", stating(asks(someone("VN"), software), { ...source, published: null }), "deny", { "deemed-export-ei": "fail" }],
  ["encryption source code notified and to be published tomorrow", "742.15(b); 734.7", stating(asks(someone("VN"), software), { ...source, published: { ...open, on: "2026-11-24" } }), "deny", { "deemed-export-ei": "fail" }],
  ["encryption source code notified and published today", "742.15(b); 734.7", stating(asks(someone("VN"), software), { ...source, published: { ...open, on: "2026-11-23" } }), "allow", { jurisdiction: "pass" }],
  ["object code of published encryption source code, to Vietnam", "742.15(b), read strictly", stating(asks(someone("US"), { ...software, to: "VN" }), { ...source, form: "object-code" }), "deny", { "export-ei": "fail" }],
  ["published encryption software in a form that nobody states", "742.15(b), read strictly", stating(asks(someone("VN"), software), { ...source, form: null }), "deny", { "deemed-export-ei": "fail" }],
  ["only a proposal states published and notified encryption source code", "742.15(b); two-person rule", stating(asks(someone("VN"), software), { ...source, state: "proposed", approvedBy: null }), "deny", { classification: "unknown", "deemed-export-ei": "fail" }],
  ["published encryption technology needs no notification", "734.7; 734.3(b)(3)", stating(asks(someone("VN"), { eccn: "5E002", paragraph: "5A002.a" }), { published: open }), "allow", { jurisdiction: "pass" }],
  ["published encryption source code, notified, to Iran: sanctions stand", "746.7, read strictly", stating(asks(someone("US"), { ...software, to: "IR" }), source), "deny", { "embargo-destination": "fail" }],
];
