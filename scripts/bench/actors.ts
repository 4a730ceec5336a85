import { ask, type Client, createClient, route } from "../../src/cli/client.ts";
import { Secret } from "../../src/crypto/secret.ts";
import type { VaultProcess } from "./vault-process.ts";

export const repository = "bench/model";
export const repositoryAddress = "/v1/repositories/bench/model";

export type Actors = {
  /** Uploads and reads. */
  readonly researcher: Client;
};

const usPerson = { value: true, category: "citizen" } as const;

/** Two officers, and a researcher who may upload to a classified repository and has a grant to read it. */
export async function castActors({ url, bootstrapToken }: VaultProcess): Promise<Actors> {
  const as = (token: string | null) => clientOf(url, token);
  const first = await ask(as(null), "POST", "/v1/bootstrap", {
    bootstrapToken,
    person: { name: "Olive First", usPerson },
  });
  const olive = as(textOf(memberOf(first, "token"), "text"));
  const second = await addPerson(olive, "Otto Second", ["export-officer"]);
  const third = await addPerson(olive, "Uma Researcher", ["uploader", "reader"]);
  const [otto, researcher] = [as(second.token), as(third.token)];
  const [namespace, name] = repository.split("/");
  await ask(researcher, "POST", "/v1/repositories", { namespace, name });
  const proposed = await ask(olive, "POST", `${repositoryAddress}/classifications`, {
    eccn: "4E091",
    basis: "self",
  });
  const classification = textOf(proposed, "classification");
  await ask(
    otto,
    "POST",
    `${repositoryAddress}${route`/classifications/${classification}/approve`}`,
  );
  await ask(olive, "POST", "/v1/grants", {
    principal: third.principal,
    repository,
    purpose: "measuring",
    validUntil: new Date(Date.now() + 86_400_000).toISOString(),
  });
  return { researcher };
}

async function addPerson(
  officer: Client,
  name: string,
  roles: readonly string[],
): Promise<{ readonly principal: string; readonly token: string }> {
  const person = await ask(officer, "POST", "/v1/persons", { name, usPerson });
  const principal = textOf(person, "principal");
  const token = textOf(await ask(officer, "POST", "/v1/tokens", { principal, roles }), "text");
  return { principal, token };
}

/** A client of any server; one that is nobody's has no token. */
export function clientOf(url: URL, token: string | null): Client {
  return createClient({
    url,
    token: token === null ? null : new Secret(Buffer.from(token, "latin1")),
    timeoutMs: 600_000,
    signal: new AbortController().signal,
  });
}

export function memberOf(answer: unknown, name: string): unknown {
  if (typeof answer !== "object" || answer === null || !(name in answer))
    throw new Error(`the answer has no ${name}`);
  return (answer as Readonly<Record<string, unknown>>)[name];
}

export function textOf(answer: unknown, name: string): string {
  const value = memberOf(answer, name);
  if (typeof value !== "string") throw new Error(`${name} of the answer is no text`);
  return value;
}
