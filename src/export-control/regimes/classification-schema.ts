import { z } from "zod";
import { decontrols } from "./classification.ts";

/** A code with the control list of the regime that gives it its meaning, as a file of facts states it. */
export const controlCode = {
  jurisdiction: z.enum(["EU", "UK", "JP"]),
  list: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,40}$/, "must be the name of a control list")
    .describe("A control list of the regime's: annex-I."),
  code: z.string().min(1).nullable().describe("Its code there. Null: on no entry of that list."),
};

/** Where an item stands on the lists of other regimes than the EAR, as a file of facts states it. */
export const regimes = z
  .array(
    z.strictObject({
      ...controlCode,
      decontrol: z
        .enum(decontrols)
        .nullable()
        .describe("The list's own note that takes the item out. Null: none is claimed."),
      determination: z
        .string()
        .nullable()
        .describe("On what it was determined that no entry names it, or that the note applies."),
    }),
  )
  .max(50)
  .nullable()
  .exactOptional()
  .describe("Where it stands on the lists of other regimes, a list each. Null: nobody says.");
