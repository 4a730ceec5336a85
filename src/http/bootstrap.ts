import { z } from "zod";
import { Refusal } from "../errors.ts";
import { firstRoles, trade } from "../vault/bootstrap.ts";
import { bootstrapTokenOf, isOpenBootstrapToken } from "../vault/bootstrap-token.ts";
import { personFacts } from "./person-facts.ts";
import { publicRoute } from "./route.ts";
import { daysAfter, expiresInDays, givenInstant, id, json, text } from "./schema.ts";
import { revealText } from "./tokens.ts";

export const bootstrapRoutes = [
  publicRoute({
    method: "post",
    path: "/v1/bootstrap",
    summary: "Trade the one-time bootstrap token for the first officer and their token",
    body: z.strictObject({ bootstrapToken: text(200), person: personFacts, expiresInDays }),
    answers: {
      201: json("The first officer.", {
        person: id,
        principal: id,
        token: z.strictObject({
          id,
          text: z.string(),
          roles: z.array(z.string()),
          expiresAt: givenInstant,
        }),
      }),
    },
    handle: async ({ body, services: { vault } }) => {
      using bootstrapToken = bootstrapTokenOf(body.bootstrapToken);
      // A trade lets the custodian work before it looks at the token.
      if (!(await isOpenBootstrapToken(vault, bootstrapToken))) {
        throw new Refusal(
          "not_authenticated",
          "the bootstrap token is unknown or was traded already",
        );
      }
      const traded = await trade(vault, {
        bootstrapToken,
        facts: body.person,
        expiresAt: daysAfter(vault.now(), body.expiresInDays),
      });
      const { person, principal } = traded;
      const token = {
        id: traded.id,
        text: revealText(traded),
        roles: firstRoles,
        expiresAt: traded.expiresAt,
      };
      return { status: 201, json: { person, principal, token } };
    },
  }),
];
