import { z } from "zod";
import { recordEntity } from "../vault/entity.ts";
import { type Entity, listEntities, readEntity } from "../vault/list-entities.ts";
import { acknowledgements } from "./acknowledgement.ts";
import { route } from "./route.ts";
import { country, givenInstant, id, idParams, json, standing, text } from "./schema.ts";

const ownership = z.enum([
  "no-listed-owner",
  "listed-owner-below-half",
  "listed-owner-half-or-more",
]);

const shape = {
  id,
  name: z.string(),
  country: country.nullable(),
  headquarters: country.nullable(),
  ultimateParentHeadquarters: country.nullable(),
  ownership: ownership.nullable(),
  acknowledgements,
  state: standing,
  version: z.int(),
  createdAt: givenInstant,
};

export const entityRoutes = [
  route({
    method: "post",
    path: "/v1/entities",
    roles: ["export-officer"],
    summary: "Record a company that operates workloads",
    body: z.strictObject({
      name: text(200),
      country: country.nullable().default(null),
      headquarters: country.nullable().default(null),
      ultimateParentHeadquarters: country.nullable().default(null),
      ownership: ownership.nullable().default(null),
      acknowledgements,
    }),
    answers: { 201: json("The entity.", { entity: id }) },
    handle: async ({ body, caller, services: { vault } }) => ({
      status: 201,
      json: await recordEntity(vault, caller, body),
    }),
  }),
  route({
    method: "get",
    path: "/v1/entities",
    roles: ["export-officer"],
    summary: "List entities",
    answers: {
      200: json("Entities, oldest first.", { entities: z.array(z.strictObject(shape)) }),
    },
    handle: async ({ services: { vault } }) => ({
      status: 200,
      json: { entities: (await listEntities(vault)).map(outline) },
    }),
  }),
  route({
    method: "get",
    path: "/v1/entities/{id}",
    roles: ["export-officer"],
    summary: "Read an entity",
    params: idParams,
    answers: { 200: json("The entity.", shape) },
    handle: async ({ params, services: { vault } }) => ({
      status: 200,
      json: outline(await readEntity(vault, params.id)),
    }),
  }),
];

function outline(row: Entity) {
  const { id, name, country, headquarters, ownership, state, version } = row;
  const [ultimateParentHeadquarters, createdAt] = [
    row.ultimate_parent_headquarters,
    row.created_at,
  ];
  return {
    id,
    name,
    country,
    headquarters,
    ultimateParentHeadquarters,
    ownership,
    acknowledgements: row.acknowledgements,
    state,
    version,
    createdAt,
  };
}
