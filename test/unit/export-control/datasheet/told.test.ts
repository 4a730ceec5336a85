import { expect, test } from "@jest/globals";
import type { Datasheet } from "../../../../src/export-control/datasheet/form.ts";
import { propose } from "../../../../src/export-control/datasheet/propose.ts";
import { rulebook } from "../../../../src/export-control/rulebook.ts";
import {
  about,
  circuit,
  confidentiality,
  derived,
  encryption,
  generator,
  hardware,
  memory,
  proposed,
  trained,
  weights,
} from "../../../support/datasheets.ts";

/** All that a sheet is told: the entries with what they rest on, the questions and which of them decide, and the arithmetic line by line. */
type Told = readonly [
  name: string,
  citation: string,
  sheet: Datasheet,
  conclusion: "entry" | "open" | "no-entry" | "outside-ear",
  candidates: readonly string[],
  questions: readonly string[],
  lines: readonly string[],
];

const bothTiers = (members: Readonly<Record<string, unknown>> = {}) => ({
  kind: "computer",
  circuits: [circuit("150", "1000"), circuit("75", "1500")],
  ...members,
});

// biome-ignore format: a table reads by its rows
const aboutCircuits: readonly Told[] = [
  ["a circuit of 4800 TPP", "3A090.a.1", hardware(circuit("150","1000")), "entry", ["3A090 3A090.a stated by 3A090.a"], [], ["1 x 2 x 150 MacTOPS x 16 bits = 4800 TPP","4800 = 4800 TPP","4800 >= 4800 TPP: yes"]],
  ["a circuit of 2400 TPP at a density of 1.6", "3A090.b.1", hardware(circuit("75","1500")), "entry", ["3A090 3A090.b stated by 3A090.b"], [], ["1 x 2 x 75 MacTOPS x 16 bits = 2400 TPP","2400 = 2400 TPP","2400 >= 4800 TPP: no","2400 >= 1600 TPP: yes","2400 TPP / 1500 mm2 = 1.6 TPP/mm2","2400 >= 5.92 x 1500: no","2400 >= 3.2 x 1500: no","2400 >= 2400 TPP: yes","2400 >= 1.6 x 1500: yes"]],
  ["a circuit of 1600 TPP at a density just above 5.92", "3A090.a.2", hardware(circuit("50","270.27")), "entry", ["3A090 3A090.a stated by 3A090.a"], [], ["1 x 2 x 50 MacTOPS x 16 bits = 1600 TPP","1600 = 1600 TPP","1600 >= 4800 TPP: no","1600 >= 1600 TPP: yes","1600 TPP / 270.27 mm2 = 5.92... TPP/mm2","1600 >= 5.92 x 270.27: yes","1600 >= 3.2 x 270.27: yes","1600 >= 2400 TPP: no","1600 >= 1.6 x 270.27: yes"]],
  ["a dense circuit below 4800 TPP that is not for datacenters", "3A090, Note 2", hardware(circuit("149","100",{isForDatacenters:false})), "no-entry", [], [], ["1 x 2 x 149 MacTOPS x 16 bits = 4768 TPP","4768 = 4768 TPP","4768 >= 4800 TPP: no","designed or marketed for datacenters: no"]],
  ["a circuit whose rate is not known", "3A090, Technical Note 1", hardware(circuit(null,"1000")), "open", ["3A090 3A090.a open by 3A090.a","3A090 3A090.b open by 3A090.b"], ["hardware.processingUnits.0.rates.0.macTops decides"], ["0 = at least 0 TPP","0 >= 4800 TPP: no","0 >= 1600 TPP: no","0 TPP / 1000 mm2 = 0 TPP/mm2","0 >= 5.92 x 1000: no","0 >= 3.2 x 1000: no","0 >= 2400 TPP: no","0 >= 1.6 x 1000: no"]],
  ["the same where it is not for datacenters: .a stays open", "3A090, Note 2", hardware(circuit(null,"1000",{isForDatacenters:false})), "open", ["3A090 3A090.a open by 3A090.a"], ["hardware.processingUnits.0.rates.0.macTops decides"], ["0 = at least 0 TPP","0 >= 4800 TPP: no","designed or marketed for datacenters: no"]],
  ["a circuit whose units are not known", "3A090, Technical Note 1", hardware({...circuit("75","1500"), processingUnits:null}), "open", ["3A090 3A090.a open by 3A090.a","3A090 3A090.b open by 3A090.b"], ["hardware.processingUnits decides"], ["0 >= 4800 TPP: no","0 >= 1600 TPP: no","0 TPP / 1500 mm2 = 0 TPP/mm2","0 >= 5.92 x 1500: no","0 >= 3.2 x 1500: no","0 >= 2400 TPP: no","0 >= 1.6 x 1500: no"]],
  ["a circuit whose die area and market are not known", "3A090, Technical Note 4", hardware(circuit("75",null,{isForDatacenters:null})), "open", ["3A090 3A090.a open by 3A090.a","3A090 3A090.b open by 3A090.b"], ["hardware.isForDatacenters","hardware.applicableDieArea decides"], ["1 x 2 x 75 MacTOPS x 16 bits = 2400 TPP","2400 = 2400 TPP","2400 >= 4800 TPP: no","2400 >= 1600 TPP: yes"]],
  ["a circuit without non-planar dies", "3A090, Technical Note 4", hardware(circuit("75","0")), "open", ["3A090 3A090.a open by 3A090.a","3A090 3A090.b open by 3A090.b"], ["hardware.applicableDieArea decides"], ["1 x 2 x 75 MacTOPS x 16 bits = 2400 TPP","2400 = 2400 TPP","2400 >= 4800 TPP: no","2400 >= 1600 TPP: yes"]],
  ["a circuit just below 1600 TPP", "3A090.b.2", hardware(circuit("49.9999","100")), "no-entry", [], [], ["1 x 2 x 49.9999 MacTOPS x 16 bits = 1599.9968 TPP","1599.9968 = 1599.9968 TPP","1599.9968 >= 4800 TPP: no","1599.9968 >= 1600 TPP: no"]],
  ["memory of 2.01 gigabytes a second for each square millimetre", "3A090.c", memory("201","100",), "entry", ["3A090 3A090.c stated by 3A090.c and its Technical Note"], [], ["201 GB/s / 100 mm2 = 2.01 > 2 GB/s/mm2: yes","201 GB/s / 100 mm2 = 2.01 < 3.3 GB/s/mm2: yes"]],
  ["hardware that is said to be published", "734.7(a)", { ...hardware(circuit("75","1500")), published:{isPublished:true,how:"x"} }, "entry", ["3A090 3A090.b stated by 3A090.b"], ["published"], ["1 x 2 x 75 MacTOPS x 16 bits = 2400 TPP","2400 = 2400 TPP","2400 >= 4800 TPP: no","2400 >= 1600 TPP: yes","2400 TPP / 1500 mm2 = 1.6 TPP/mm2","2400 >= 5.92 x 1500: no","2400 >= 3.2 x 1500: no","2400 >= 2400 TPP: yes","2400 >= 1.6 x 1500: yes"]],
  ["memory of 2 exactly", "3A090.c", memory("200","100"), "no-entry", [], [], ["200 GB/s / 100 mm2 = 2 > 2 GB/s/mm2: no"]],
  ["memory whose bandwidth and packaging are not known", "3A090.c", memory(null,"100",{isPartOfProcessor:null}), "open", ["3A090 3A090.c open by 3A090.c and its Technical Note"], ["hardware.isPartOfProcessor","hardware.bandwidth decides"], []],
  ["memory whose area is not known", "3A090.c", memory("300",null), "open", ["3A090 3A090.c open by 3A090.c and its Technical Note"], ["hardware.area decides"], []],
  ["memory that is part of a processor", "3A090.c, Technical Note", memory("300","100",{isPartOfProcessor:true}), "no-entry", [], [], ["part of a processor: yes"]],
  ["a computer with a circuit of each tier", "4A090", hardware(bothTiers()), "entry", ["4A090 4A090.a stated by 4A090","4A090 4A090.b stated by 4A090"], [], ["1 x 2 x 150 MacTOPS x 16 bits = 4800 TPP","4800 = 4800 TPP","4800 >= 4800 TPP: yes","1 x 2 x 75 MacTOPS x 16 bits = 2400 TPP","2400 = 2400 TPP","2400 >= 4800 TPP: no","2400 >= 1600 TPP: yes","2400 TPP / 1500 mm2 = 1.6 TPP/mm2","2400 >= 5.92 x 1500: no","2400 >= 3.2 x 1500: no","2400 >= 2400 TPP: yes","2400 >= 1.6 x 1500: yes"]],
  ["a computer with one circuit of the higher tier and one that is not known", "4A090", hardware({kind:"computer",circuits:[circuit("150","1000"),circuit("75",null)]}), "entry", ["4A090 4A090.a stated by 4A090","4A090 4A090.b open by 4A090"], ["hardware.circuits.1.applicableDieArea decides"], ["1 x 2 x 150 MacTOPS x 16 bits = 4800 TPP","4800 = 4800 TPP","4800 >= 4800 TPP: yes","1 x 2 x 75 MacTOPS x 16 bits = 2400 TPP","2400 = 2400 TPP","2400 >= 4800 TPP: no","2400 >= 1600 TPP: yes"]],
  ["software for a circuit", "3D001", about("software", circuit("150","1000")), "entry", ["3D001 3A090.a stated by 3D001 and 3A090.a"], [], ["1 x 2 x 150 MacTOPS x 16 bits = 4800 TPP","4800 = 4800 TPP","4800 >= 4800 TPP: yes"]],
  ["software for computers whose purpose is not known", "4D090", about("software", bothTiers(), {purposes:null,isPeculiar:null}), "entry", ["4D090 4A090.a stated by 4D090 and 4A090","4D090 4A090.b stated by 4D090 and 4A090"], ["purposes","isPeculiar"], ["1 x 2 x 150 MacTOPS x 16 bits = 4800 TPP","4800 = 4800 TPP","4800 >= 4800 TPP: yes","1 x 2 x 75 MacTOPS x 16 bits = 2400 TPP","2400 = 2400 TPP","2400 >= 4800 TPP: no","2400 >= 1600 TPP: yes","2400 TPP / 1500 mm2 = 1.6 TPP/mm2","2400 >= 5.92 x 1500: no","2400 >= 3.2 x 1500: no","2400 >= 2400 TPP: yes","2400 >= 1.6 x 1500: yes"]],
  ["technology for memory of 3.3 exactly", "3E001; 740.25", about("technology", {kind:"high-bandwidth-memory",bandwidth:"330",area:"100",isPartOfProcessor:false}), "entry", ["3E001 3A090.c stated by 3E001 and 3A090.c and its Technical Note"], [], ["330 GB/s / 100 mm2 = 3.3 > 2 GB/s/mm2: yes","330 GB/s / 100 mm2 = 3.3 < 3.3 GB/s/mm2: no"]],
  ["technology for computers whose purpose is not known", "4E001", about("technology", bothTiers(),{purposes:null,isPeculiar:null}), "entry", ["4E001 4A090.a stated by 4E001 and 4A090","4E001 4A090.b stated by 4E001 and 4A090"], ["purposes","isPeculiar"], ["1 x 2 x 150 MacTOPS x 16 bits = 4800 TPP","4800 = 4800 TPP","4800 >= 4800 TPP: yes","1 x 2 x 75 MacTOPS x 16 bits = 2400 TPP","2400 = 2400 TPP","2400 >= 4800 TPP: no","2400 >= 1600 TPP: yes","2400 TPP / 1500 mm2 = 1.6 TPP/mm2","2400 >= 5.92 x 1500: no","2400 >= 3.2 x 1500: no","2400 >= 2400 TPP: yes","2400 >= 1.6 x 1500: yes"]],
  ["software for use alone", "3D001", about("software", circuit("150","1000"),{purposes:["use"]}), "no-entry", [], [], ["1 x 2 x 150 MacTOPS x 16 bits = 4800 TPP","4800 = 4800 TPP","4800 >= 4800 TPP: yes"]],
  ["software for use and production", "3D001", about("software", circuit("150","1000"),{purposes:["use","production"]}), "entry", ["3D001 3A090.a stated by 3D001 and 3A090.a"], [], ["1 x 2 x 150 MacTOPS x 16 bits = 4800 TPP","4800 = 4800 TPP","4800 >= 4800 TPP: yes"]],
  ["technology that is not required for the circuit", "General Technology Note", about("technology", circuit("150","1000"),{isPeculiar:false}), "no-entry", [], [], ["1 x 2 x 150 MacTOPS x 16 bits = 4800 TPP","4800 = 4800 TPP","4800 >= 4800 TPP: yes"]],
  ["technology that is published in a journal", "734.3(b)(3)", about("technology", circuit("150","1000"),{published:{isPublished:true,how:"In a journal."}}), "outside-ear", [], [], []],
  ["technology of which nobody says whether it is published", "734.7(a)", about("technology", circuit("150","1000"),{published:null}), "entry", ["3E001 3A090.a stated by 3E001 and 3A090.a"], ["published"], ["1 x 2 x 150 MacTOPS x 16 bits = 4800 TPP","4800 = 4800 TPP","4800 >= 4800 TPP: yes"]],
  ["technology that is published, nobody says how", "734.7(a)", about("technology", circuit("150","1000"),{published:{isPublished:true,how:null}}), "entry", ["3E001 3A090.a stated by 3E001 and 3A090.a"], ["published.how"], ["1 x 2 x 150 MacTOPS x 16 bits = 4800 TPP","4800 = 4800 TPP","4800 >= 4800 TPP: yes"]],
];

// biome-ignore format: a table reads by its rows
const aboutEncryption: readonly Told[] = [
  ["a commodity with a symmetric key of 57 bits", "5A002.a, Technical Note 2", encryption("commodity",[confidentiality("symmetric","57")]), "entry", ["5A002 5A002.a stated by 5A002.a, Technical Notes 1 and 2"], [], ["57 > 56 bits: yes"]],
  ["a commodity with a symmetric key of 56 bits", "5A002.a, Technical Note 2", encryption("commodity",[confidentiality("symmetric","56")]), "no-entry", [], [], ["56 > 56 bits: no"]],
  ["a mass-market commodity of 513 bits", "5A992.c", encryption("commodity",[confidentiality("factorization","513")],{isMassMarket:true}), "entry", ["5A992 5A992.c stated by 5A002.a, Technical Notes 1 and 2 and 15 CFR 740.17(b); 5A992.c and 5D992.c of Part 774, Supp. No. 1"], [], ["513 > 512 bits: yes"]],
  ["mass-market software of 513 bits", "5D992.c", encryption("software",[confidentiality("discrete-logarithm-field","513")],{isMassMarket:true}), "entry", ["5D992 5D992.c stated by 5A002.a, Technical Notes 1 and 2 and 15 CFR 740.17(b); 5A992.c and 5D992.c of Part 774, Supp. No. 1"], [], ["513 > 512 bits: yes"]],
  ["mass-market technology of 113 bits", "5E992", encryption("technology",[confidentiality("discrete-logarithm-group","113")],{isMassMarket:true}), "entry", ["5E992 - stated by 5A002.a, Technical Notes 1 and 2 and 15 CFR 740.17(b); 5A992.c and 5D992.c of Part 774, Supp. No. 1"], [], ["113 > 112 bits: yes"]],
  ["technology for post-quantum cryptography whose terms are not known", "5E002", encryption("technology",[confidentiality("post-quantum",null)],{isMassMarket:null,needsActivation:null}), "entry", ["5E002 - stated by 5A002.a, Technical Notes 1 and 2"], ["isMassMarket","needsActivation"], ["post-quantum"]],
  ["software whose functions are not known", "5D002", encryption("software",null), "open", ["5D002 5D002.c.1 open by 5A002.a, Technical Notes 1 and 2"], ["functions decides"], []],
  ["software whose algorithm is not known", "5D002", encryption("software",[confidentiality(null,null)]), "open", ["5D002 5D002.c.1 open by 5A002.a, Technical Notes 1 and 2"], ["functions.0.algorithm decides"], []],
  ["software with one known key and one unknown", "5D002", encryption("software",[confidentiality("symmetric",null),confidentiality("symmetric","128")]), "entry", ["5D002 5D002.c.1 stated by 5A002.a, Technical Notes 1 and 2"], ["functions.0.keyBits"], ["128 > 56 bits: yes"]],
  ["software that needs secure activation", "5A002.a", encryption("software",[confidentiality("symmetric","128")],{needsActivation:true}), "no-entry", [], [], ["128 > 56 bits: yes"]],
  ["software that signs", "5A002.a, Technical Note 1", encryption("software",[{name:"sign",purpose:"digital-signature"}]), "no-entry", [], [], ["digital-signature"]],
  ["published encryption software stays under the EAR", "734.7(b)", encryption("software",[confidentiality("symmetric","128")],{published:{isPublished:true,how:"x"}}), "entry", ["5D002 5D002.c.1 stated by 5A002.a, Technical Notes 1 and 2"], ["published"], ["128 > 56 bits: yes"]],
  ["an encryption commodity that is said to be published", "734.7(b)", encryption("commodity",[confidentiality("symmetric","128")],{published:{isPublished:true,how:"x"}}), "entry", ["5A002 5A002.a stated by 5A002.a, Technical Notes 1 and 2"], ["published"], ["128 > 56 bits: yes"]],
  ["published encryption technology", "734.7(a)", encryption("technology",[confidentiality("symmetric","128")],{published:{isPublished:true,how:"In a book."}}), "outside-ear", [], [], []],
];

// biome-ignore format: a table reads by its rows
const aboutWeights: readonly Told[] = [
  ["weights of 10^26 operations", "4E091", trained("1e26"), "entry", ["4E091 - stated by 4E091 and 4E091, Technical Note 2 and 4E091, Note 1"], ["floatingBar"], ["1e26 operations","1e26 = 1e26 operations","1e26 + 0 = 1e26 operations","1e26 >= 1e26 operations: yes"]],
  ["weights whose training is not known", "4E091, Technical Note 2", weights({training:null}), "open", ["4E091 - open by 4E091 and 4E091, Technical Note 2 and 4E091, Note 1"], ["training decides","floatingBar"], ["at least 0 + 0 = at least 0 operations","at least 0 >= 1e26 operations: no"]],
  ["weights whose base is not known", "4E091, Technical Note 2", weights({base:null}), "open", ["4E091 - open by 4E091 and 4E091, Technical Note 2 and 4E091, Note 1"], ["base decides","floatingBar"], ["9e25 operations","9e25 = 9e25 operations","9e25 + at least 0 = at least 9e25 operations","at least 9e25 >= 1e26 operations: no"]],
  ["weights that add nothing to a base of 10^26 operations", "4E091, Technical Note 2", weights({training:[],base:{name:"b",isPublished:false,trainingOperations:"1e26"}}), "entry", ["4E091 - stated by 4E091 and 4E091, Technical Note 2 and 4E091, Note 1"], ["floatingBar"], ["0 = 0 operations","1e26 operations","0 + 1e26 = 1e26 operations","1e26 >= 1e26 operations: yes"]],
  ["weights without a base or a stage", "4E091, Technical Note 2", weights({training:[]}), "open", ["4E091 - open by 4E091 and 4E091, Technical Note 2 and 4E091, Note 1"], ["training decides","floatingBar"], ["at least 0 + 0 = at least 0 operations","at least 0 >= 1e26 operations: no"]],
  ["weights with a stage of unknown size", "4E091, Technical Note 2", weights({training:[{stage:"pre-training"}]}), "open", ["4E091 - open by 4E091 and 4E091, Technical Note 2 and 4E091, Note 1"], ["training.0.operations decides","floatingBar"], ["0 = at least 0 operations","at least 0 + 0 = at least 0 operations","at least 0 >= 1e26 operations: no"]],
  ["weights counted by the tokens and the active parameters", "4E091, Technical Note 2", weights({training:[{stage:"pre-training",name:"main",tokens:"1e13"}], activeParameters:"7000000000"}), "no-entry", [], ["training.0.operations"], ["6 x 7000000000 parameters x 10000000000000 tokens = 4.2e23 operations","4.2e23 = 4.2e23 operations","4.2e23 + 0 = 4.2e23 operations","4.2e23 >= 1e26 operations: no"]],
  ["reinforcement learning counted by its tokens", "4E091, Technical Note 2", weights({training:[{stage:"reinforcement-learning",tokens:"1e13"}]}), "open", ["4E091 - open by 4E091 and 4E091, Technical Note 2 and 4E091, Note 1"], ["training.0.operations decides","floatingBar"], ["6 x 70000000000 parameters x 10000000000000 tokens = 4.2e24 operations","4.2e24 = at least 4.2e24 operations","at least 4.2e24 + 0 = at least 4.2e24 operations","at least 4.2e24 >= 1e26 operations: no"]],
  ["fewer operations stated than the tokens suggest", "4E091, Technical Note 2", weights({training:[{stage:"pre-training",operations:"1e24",tokens:"1e13"}]}), "open", ["4E091 - open by 4E091 and 4E091, Technical Note 2 and 4E091, Note 1"], ["training.0.operations decides","floatingBar"], ["1e24 operations","1e24 = at least 1e24 operations","at least 1e24 + 0 = at least 1e24 operations","at least 1e24 >= 1e26 operations: no"]],
  ["the collection of data", "4E091, Technical Note 2", weights({training:[{stage:"pre-training",operations:"9e25"},{stage:"data-collection",operations:"5e25"}]}), "no-entry", [], [], ["9e25 operations","0 operations","9e25 = 9e25 operations","9e25 + 0 = 9e25 operations","9e25 >= 1e26 operations: no"]],
  ["a base of which nobody says whether it is published", "4E091, Note 1", derived("3e25",{trainingOperations:"9e25",isPublished:null}), "entry", ["4E091 - stated by 4E091 and 4E091, Technical Note 2 and 4E091, Note 1"], ["base.isPublished","floatingBar"], ["3e25 operations","3e25 = 3e25 operations","9e25 operations","3e25 + 9e25 = 1.2e26 operations","1.2e26 >= 1e26 operations: yes"]],
  ["2 x 10^25 operations on a published base of unknown size", "4E091, Note 1", derived("2e25",{trainingOperations:null}), "no-entry", [], ["base.trainingOperations decides"], ["2e25 operations","2e25 = 2e25 operations","2e25 + at least 0 = at least 2e25 operations","2e25 > 2.5e25 operations: no"]],
  ["3 x 10^25 operations on a published base of unknown size", "4E091, Note 1", derived("3e25",{trainingOperations:null}), "open", ["4E091 - open by 4E091 and 4E091, Technical Note 2 and 4E091, Note 1"], ["base.trainingOperations decides","floatingBar"], ["3e25 operations","3e25 = 3e25 operations","3e25 + at least 0 = at least 3e25 operations","3e25 > 2.5e25 operations: yes","at least 3e25 >= 1e26 operations: no"]],
  ["a quarter exactly on a published base", "4E091, Note 1", derived("3e25",{trainingOperations:"9e25"}), "no-entry", [], [], ["3e25 operations","3e25 = 3e25 operations","9e25 operations","3e25 + 9e25 = 1.2e26 operations","3e25 > 3e25 operations: no"]],
  ["more than a quarter on a published base", "4E091, Note 1", derived("4e25",{trainingOperations:"9e25"}), "entry", ["4E091 - stated by 4E091 and 4E091, Technical Note 2 and 4E091, Note 1"], ["floatingBar"], ["4e25 operations","4e25 = 4e25 operations","9e25 operations","4e25 + 9e25 = 1.3e26 operations","4e25 > 3.25e25 operations: yes","1.3e26 >= 1e26 operations: yes"]],
  ["fewer operations than the best published model stands for", "4E091, Note 2", trained("1.5e26",{floatingBar:{operations:"2e26",asOf:"2026-10-01",basis:"bis-guidance",source:"s"}}), "no-entry", [], [], ["1.5e26 operations","1.5e26 = 1.5e26 operations","1.5e26 + 0 = 1.5e26 operations","1.5e26 >= 1e26 operations: yes","1.5e26 < 2e26 operations: yes"]],
  ["as many operations as the best published model stands for", "4E091, Note 2", trained("2e26",{floatingBar:{operations:"2e26",asOf:"2026-10-01",basis:"CCATS",source:"s"}}), "entry", ["4E091 - stated by 4E091 and 4E091, Technical Note 2 and 4E091, Note 1"], [], ["2e26 operations","2e26 = 2e26 operations","2e26 + 0 = 2e26 operations","2e26 >= 1e26 operations: yes","2e26 < 2e26 operations: no"]],
  ["weights whose synthetic data is not known", "4E091, Technical Note 3", weights({syntheticData:null}), "open", ["4E091 - open by 4E091 and 4E091, Technical Note 2 and 4E091, Note 1"], ["syntheticData decides","floatingBar"], ["9e25 operations","9e25 = 9e25 operations","at least 9e25 + 0 = at least 9e25 operations","at least 9e25 >= 1e26 operations: no"]],
  ["a tenth of synthetic data", "4E091, Technical Note 3", weights({syntheticData:[generator("m",{shareOfOperations:"0.1"})]}), "no-entry", [], [], ["9e25 operations","9e25 = 9e25 operations","0.1 > 0.1: no","9e25 + 0 = 9e25 operations","9e25 >= 1e26 operations: no"]],
  ["more than a tenth of synthetic data", "4E091, Technical Note 3", weights({syntheticData:[generator("m",{shareOfOperations:"0.11"})]}), "entry", ["4E091 - stated by 4E091 and 4E091, Technical Note 2 and 4E091, Note 1"], ["floatingBar"], ["9e25 operations","9e25 = 9e25 operations","0.11 > 0.1: yes","1e24 operations","the most of 2e25 = 2e25 operations","1.11e26 + 0 = 1.11e26 operations","1.11e26 >= 1e26 operations: yes"]],
  ["two models behind more than a tenth together, one trained on the other", "4E091, Technical Note 3", weights({syntheticData:[generator("m",{shareOfOperations:"0.06",trainingOperations:"1e25"}),generator("n",{shareOfOperations:"0.06",trainingOperations:"2e25",trainedOn:["m"],alreadyCounted:"5e24"})]}), "entry", ["4E091 - stated by 4E091 and 4E091, Technical Note 2 and 4E091, Note 1"], ["floatingBar"], ["9e25 operations","9e25 = 9e25 operations","0.06 > 0.1: no","0.06 > 0.1: no","0.06 + 0.06 = 0.12 > 0.1: yes","the most of 1e25, 2.5e25 = 2.5e25 operations","1.15e26 + 0 = 1.15e26 operations","1.15e26 >= 1e26 operations: yes"]],
  ["a model behind the data of which nothing is known", "4E091, Technical Note 3", weights({syntheticData:[generator("m",{shareOfOperations:null,generationOperations:null,areWeightsPublished:null,trainingOperations:null})]}), "open", ["4E091 - open by 4E091 and 4E091, Technical Note 2 and 4E091, Note 1"], ["syntheticData.0.shareOfOperations","syntheticData.0.generationOperations decides","syntheticData.0.areWeightsPublished","syntheticData.0.trainingOperations decides","floatingBar"], ["9e25 operations","9e25 = 9e25 operations","the most of 0 = 0 operations","at least 9e25 + 0 = at least 9e25 operations","at least 9e25 >= 1e26 operations: no"]],
  ["a model behind the data whose weights are published", "4E091, Technical Note 3", weights({syntheticData:[generator("m",{areWeightsPublished:true})]}), "no-entry", [], [], ["9e25 operations","9e25 = 9e25 operations","0.2 > 0.1: yes","1e24 operations","9.1e25 + 0 = 9.1e25 operations","9.1e25 >= 1e26 operations: no"]],
  ["weights with encryption software beside them", "5D002", weights({cryptographicFunctions:[confidentiality("symmetric","128")]}), "open", ["5D002 5D002.c.1 open by 5A002.a, Technical Notes 1 and 2"], ["cryptographicFunctions decides"], ["9e25 operations","9e25 = 9e25 operations","9e25 + 0 = 9e25 operations","9e25 >= 1e26 operations: no","128 > 56 bits: yes"]],
  ["weights of which nobody says what else the files do", "5D002", weights({cryptographicFunctions:null}), "open", ["5D002 5D002.c.1 open by 5A002.a, Technical Notes 1 and 2"], ["cryptographicFunctions decides"], ["9e25 operations","9e25 = 9e25 operations","9e25 + 0 = 9e25 operations","9e25 >= 1e26 operations: no"]],
  ["published weights", "734.3(b)(3)", weights({published:{isPublished:true,how:"On a hub."}}), "outside-ear", [], [], []],
];

test.each([...aboutCircuits, ...aboutEncryption, ...aboutWeights])(
  "%s (%s) is told whole",
  (_, _citation, sheet, conclusion, candidates, questions, lines) => {
    const proposal = proposed(sheet);
    expect(proposal.conclusion.kind).toBe(conclusion);
    expect(
      proposal.candidates.map(
        ({ eccn, paragraph, confidence, citations }) =>
          `${eccn} ${paragraph ?? "-"} ${confidence} by ${citations.map(sectionOf).join(" and ")}`,
      ),
    ).toEqual(candidates);
    expect(
      proposal.questions.map(({ path, isDecisive }) => `${path}${isDecisive ? " decides" : ""}`),
    ).toEqual(questions);
    expect(proposal.steps.map(({ formula }) => formula)).toEqual(lines);
    for (const { formula, threshold, result } of proposal.steps) {
      if (threshold !== null)
        expect([formula, formula.includes(threshold.relation)]).toEqual([formula, true]);
      if (threshold !== null)
        expect([formula, formula.endsWith("yes")]).toEqual([formula, threshold.isMet]);
      if (result !== null) expect(formula).toContain(result.value);
    }
  },
);

/** The operands, the results and the thresholds of a sheet's lines, with their units. */
// biome-ignore format: a table reads by its rows
const measured: readonly (readonly [name: string, sheet: Datasheet, quantities: readonly string[]])[] = [
  ["a circuit", hardware(circuit("75", "1500")), [
    "units 1 units, rate 75 MacTOPS, bit length 16 bits -> 2400 TPP",
    "matrix units 2400 TPP -> 2400 TPP",
    "performance 2400 TPP -> >= 4800 TPP",
    "performance 2400 TPP -> >= 1600 TPP",
    "performance 2400 TPP, applicable die area 1500 mm2 -> 1.6 TPP/mm2",
    "performance density 1.6 TPP/mm2 -> >= 5.92 TPP/mm2",
    "performance density 1.6 TPP/mm2 -> >= 3.2 TPP/mm2",
    "performance 2400 TPP -> >= 2400 TPP",
    "performance density 1.6 TPP/mm2 -> >= 1.6 TPP/mm2",
  ]],
  ["memory", memory("300", "100"), [
    "bandwidth 300 GB/s, area 100 mm2 -> 3 GB/s/mm2 > 2 GB/s/mm2",
    "bandwidth 300 GB/s, area 100 mm2 -> 3 GB/s/mm2 < 3.3 GB/s/mm2",
  ]],
  ["a cipher", encryption("software", [confidentiality("symmetric", "128")]), ["channel 128 bits -> > 56 bits"]],
  ["weights with a published base, two models behind their data and a floating bar", weights({
    training: [{ stage: "pre-training", tokens: "1e13" }, { stage: "fine-tuning", operations: "1e24" }],
    base: { name: "b", isPublished: true, trainingOperations: "2e26" },
    syntheticData: [generator("m"), generator("n", { trainingOperations: "9e25" })],
    floatingBar: { operations: "2e26", asOf: "2026-10-01", basis: "CCATS", source: "a ruling" },
  }), [
    "N 70000000000 parameters, D 10000000000000 tokens -> 4.2e24 operations",
    "-> 1e24 operations",
    "stage 1 4.2e24 operations, stage 2 1e24 operations -> 5.2e24 operations",
    "share 0.2 of the operations -> > 0.1 of the operations",
    "-> 1e24 operations",
    "share 0.2 of the operations -> > 0.1 of the operations",
    "-> 1e24 operations",
    "share 0.4 of the operations -> > 0.1 of the operations",
    "m 2e25 operations, n 9e25 operations -> 9e25 operations",
    "-> 2e26 operations",
    "training and synthetic data 9.72e25 operations, base model 2e26 operations -> 2.972e26 operations",
    "counted 9.72e25 operations -> > 7.43e25 operations",
    "counted 2.972e26 operations -> >= 1e26 operations",
    "counted 2.972e26 operations -> < 2e26 operations",
  ]],
];

test.each(measured)(
  "each line for %s carries what is needed to do it again",
  (_, sheet, expected) => {
    const told = proposed(sheet).steps.map(({ operands, result, threshold }) => {
      const given = operands.map((operand) => `${operand.name} ${measureOf(operand)}`).join(", ");
      const bound = threshold === null ? "" : `${threshold.relation} ${measureOf(threshold)}`;
      return [given, "->", result === null ? "" : measureOf(result), bound]
        .filter((part) => part !== "")
        .join(" ");
    });
    expect(told).toEqual(expected);
  },
);

function measureOf({ value, unit }: { readonly value: string; readonly unit: string }): string {
  return `${value} ${unit}`;
}

test("a candidate says that a control of its paragraph is not enforced, and only then", () => {
  const saysSo = (sheet: Datasheet) =>
    proposed(sheet).candidates.map(
      ({ eccn, paragraph, notes }) => `${eccn} ${paragraph ?? "-"} ${notes.length}`,
    );
  const notes = [
    ...saysSo(hardware(circuit("150", "1000"))),
    ...saysSo(hardware(circuit("75", "1500"))),
    ...saysSo(memory("300", "100")),
    ...saysSo(about("software", bothTiers())),
    ...saysSo(about("technology", bothTiers())),
    ...saysSo(about("technology", circuit("75", "1500"))),
    ...saysSo(trained("1e26")),
    ...saysSo(encryption("software", [confidentiality("symmetric", "128")])),
    ...saysSo(encryption("technology", [confidentiality("symmetric", "128")])),
  ];
  expect(notes).toEqual([
    ...["3A090 3A090.a 1", "3A090 3A090.b 0", "3A090 3A090.c 0"],
    ...["4D090 4A090.a 1", "4D090 4A090.b 0", "4E001 4A090.a 1", "4E001 4A090.b 0"],
    ...["3E001 3A090.b 0", "4E091 - 1", "5D002 5D002.c.1 0", "5E002 - 1"],
  ]);
});

test("a proposal says from which text its numbers were read, and what an unknown rulebook lacks", () => {
  expect(proposed(trained("1e26")).asOf).toBe("2026-07-23");
  const { candidates, questions } = propose(trained("1e26"), { ...rulebook, entries: [] });
  expect(candidates.map(({ heading }) => heading)).toEqual(["not in the rulebook"]);
  expect(questions.at(-1)).toMatchObject({ path: "", isDecisive: true });
  expect(proposed(trained("1e26")).questions.map(({ path }) => path)).toEqual(["floatingBar"]);
});

function sectionOf(citation: string): string {
  return citation.replace("15 CFR Part 774, Supp. No. 1, ECCN ", "");
}
