import { z } from "zod";
import { listPersons, readPerson } from "../vault/list-persons.ts";
import { recordPerson, updatePerson } from "../vault/person.ts";
import { personFacts, recordedFacts } from "./person-facts.ts";
import { route } from "./route.ts";
import { done, givenInstant, id, idParams, json, standing } from "./schema.ts";

const outline = {
  id,
  principal: id,
  state: z.enum([...standing.options, "erased"]),
  version: z.int(),
  createdAt: givenInstant,
};

export const personRoutes = [
  route({
    method: "post",
    path: "/v1/persons",
    roles: ["export-officer"],
    summary: "Record a person, with the facts that decisions need",
    body: personFacts,
    answers: { 201: json("The person and their principal.", { person: id, principal: id }) },
    handle: async ({ body, caller, services: { vault } }) => ({
      status: 201,
      json: await recordPerson(vault, caller, body),
    }),
  }),
  route({
    method: "get",
    path: "/v1/persons",
    roles: ["export-officer", "operator"],
    summary: "List persons, without their facts",
    answers: {
      200: json("Persons, oldest first.", { persons: z.array(z.strictObject(outline)) }),
    },
    handle: async ({ services: { vault } }) => ({
      status: 200,
      json: { persons: await listPersons(vault) },
    }),
  }),
  route({
    method: "get",
    path: "/v1/persons/{id}",
    roles: ["personal-data-reader"],
    summary: "Read a person with the decrypted facts; that they were read is recorded first",
    params: idParams,
    answers: { 200: json("The person.", { ...outline, facts: recordedFacts }) },
    handle: async ({ params, caller, services: { vault } }) => ({
      status: 200,
      json: await readPerson(vault, caller, params.id),
    }),
  }),
  route({
    method: "put",
    path: "/v1/persons/{id}",
    roles: ["export-officer"],
    summary: "Replace a person's facts",
    params: idParams,
    body: personFacts,
    answers: { 204: done },
    handle: async ({ params, body, caller, services: { vault } }) => {
      await updatePerson(vault, caller, { id: params.id, facts: body });
      return { status: 204 };
    },
  }),
];
