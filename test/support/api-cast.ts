import { type Api, type ApiAnswer, Unexpected } from "./api.ts";

export type ApiActor = {
  readonly person: string;
  readonly principal: string;
  readonly token: string;
};

export type ApiCast = {
  readonly first: ApiActor;
  readonly second: ApiActor;
  readonly uploader: ApiActor;
  readonly auditor: ApiActor;
};

const facts = (name: string) => ({
  name,
  usPerson: { value: true, category: "citizen" },
});

/** Trades the bootstrap token. */
export async function bootstrap(api: Api, bootstrapToken: string): Promise<ApiActor> {
  const answer = await api.ask("POST", "/v1/bootstrap", {
    bootstrapToken,
    person: facts("Olive First"),
  });
  if (answer.status !== 201) throw new Unexpected("the bootstrap", answer);
  return actorOf(answer.json, answer.json["token"] as ApiAnswer["json"]);
}

/** Two officers, an uploader and an auditor, by way of the bootstrap token. */
export async function castOver(api: Api, bootstrapToken: string): Promise<ApiCast> {
  const first = await bootstrap(api, bootstrapToken);
  const officer = api.as(first.token);
  return {
    first,
    second: await addActor(officer, facts("Otto Second"), ["export-officer", "operator"]),
    uploader: await addActor(officer, facts("Ursula Uploader"), ["uploader"]),
    auditor: await addActor(officer, facts("Ada Auditor"), ["auditor"]),
  };
}

/** A person with a token; a U.S. person of that name, or one of these facts. */
export async function addActor(
  officer: Api,
  person: string | Readonly<Record<string, unknown>>,
  roles: readonly string[],
): Promise<ApiActor> {
  const body = typeof person === "string" ? facts(person) : person;
  const made = await officer.json("POST", "/v1/persons", body);
  const issued = await officer.json("POST", "/v1/tokens", { principal: made["principal"], roles });
  return actorOf(made, issued);
}

/** What the vault must know of a visitor from India. */
export const visitorFacts = {
  name: "Vikram Visitor",
  usPerson: { value: false },
  citizenships: [{ country: "IN", from: "1990-01-01" }],
  employment: {
    entityHeadquarters: "IN",
    ultimateParentHeadquarters: "IN",
    permanentRegular: false,
  },
} as const;

/** A repository classified as 4E091 by two officers; readers get a grant each. */
export async function classifiedRepository(
  api: Api,
  { first, second }: Pick<ApiCast, "first" | "second">,
  { name, readers }: { readonly name: string; readonly readers: readonly ApiActor[] },
): Promise<void> {
  const officer = api.as(first.token);
  await officer.json("POST", "/v1/repositories", { namespace: "lab", name });
  const at = `/v1/repositories/lab/${name}/classifications`;
  const proposal = { eccn: "4E091", basis: "self" };
  const classification = await officer.text("classification", "POST", at, proposal);
  await api.as(second.token).json("POST", `${at}/${classification}/approve`);
  for (const { principal } of readers) {
    await officer.json("POST", "/v1/grants", {
      principal,
      repository: `lab/${name}`,
      purpose: "evaluation",
      validUntil: new Date(Date.now() + 365 * 86_400_000).toISOString(),
    });
  }
}

/** Uploads files and commits them as a revision on `parent`. */
export async function uploadOver(
  uploader: Api,
  {
    name,
    files,
    parent = null,
  }: {
    readonly name: string;
    readonly files: Readonly<Record<string, Buffer>>;
    readonly parent?: string | null;
  },
): Promise<string> {
  const at = `/v1/repositories/lab/${name}/uploads`;
  const upload = await uploader.text("upload", "POST", at);
  const named = [];
  for (const [path, bytes] of Object.entries(files)) {
    const put = await uploader.json("PUT", `${at}/${upload}/files/${path}`, bytes);
    named.push({ path, size: put["size"], sha256: put["sha256"] });
  }
  return await uploader.text("revision", "POST", `${at}/${upload}/commit`, {
    parent,
    files: named,
  });
}

/** The bytes of a file as a reader gets them. Throws `Unexpected` for what is not a 200. */
export async function downloadOver(
  reader: Api,
  {
    name,
    path,
    revision = "main",
  }: Readonly<Record<"name" | "path", string>> & {
    readonly revision?: string;
  },
): Promise<Buffer> {
  const at = `/v1/repositories/lab/${name}/revisions/${revision}/files/${path}`;
  const answer = await reader.fetch("GET", at);
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (answer.status === 200) return bytes;
  const json = JSON.parse(bytes.toString("utf8")) as ApiAnswer["json"];
  throw new Unexpected(`GET ${at}`, { status: answer.status, headers: answer.headers, json });
}

function actorOf(made: ApiAnswer["json"], issued: ApiAnswer["json"]): ApiActor {
  return {
    person: String(made["person"]),
    principal: String(made["principal"]),
    token: String(issued["text"]),
  };
}
