import type { Facts } from "../../src/export-control/facts.ts";

/** Next to nothing, which is refused; the instant tells one from another. */
export function bareFacts(at: string): Facts {
  return {
    at,
    item: { repository: "lab/model", classification: null },
    subject: {
      kind: "person",
      person: {
        id: "p",
        state: "active",
        usPerson: { value: true, category: "citizen" },
        citizenships: null,
        permanentResidencies: null,
        employment: null,
        engagement: null,
        acknowledgements: null,
        verifications: null,
      },
    },
    grant: null,
    destination: { country: "US", basis: "site", site: "local" },
    licenses: [],
    screening: null,
  };
}
