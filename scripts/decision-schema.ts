import { writeFileSync } from "node:fs";
import { factsJsonSchema } from "../src/export-control/facts-schema.ts";

/** Writes the JSON Schema that the command line publishes, from the schema that it parses with. */
const file = new URL("../docs/decision-facts.schema.json", import.meta.url);
writeFileSync(file, `${JSON.stringify(factsJsonSchema(), null, 2)}\n`);
