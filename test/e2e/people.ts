import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "@jest/globals";
import type { TestServer } from "../support/server.ts";
import { type Ended, weightvaultHere } from "./command.ts";

export type Json = Readonly<Record<string, unknown>>;

type Place = {
  readonly server: Pick<TestServer, "url" | "verificationKey" | "bootstrapToken">;
  readonly folder: { readonly path: string };
};

const citizen = ["--us-person", "citizen"];

/** Commands on one server, each as somebody whose token lies in the folder in a file of their name. The place is asked for at each command. */
export function peopleOf(place: () => Place) {
  const at = (name: string) => join(place().folder.path, name);

  const as = async (
    who: string,
    args: readonly string[],
    command = weightvaultHere,
  ): Promise<Ended> => {
    const { server } = place();
    return await command(args, {
      env: {
        WEIGHTVAULT_URL: server.url,
        WEIGHTVAULT_TOKEN: "",
        WEIGHTVAULT_TOKEN_FILE: at(who),
        WEIGHTVAULT_LEDGER_KEY: server.verificationKey,
      },
    });
  };

  /** As `as`, for a command that must succeed: its JSON. */
  const done = async (who: string, ...args: readonly string[]): Promise<Json> => {
    const { code, stdout, stderr } = await as(who, [...args, "--json"]);
    expect({ args, code, stderr: code === 0 ? "" : stderr }).toEqual({ args, code: 0, stderr: "" });
    return JSON.parse(stdout) as Json;
  };

  /** Makes `first` the first officer. */
  const begin = async (): Promise<void> => {
    const token = await place().server.bootstrapToken();
    await writeFile(at("bootstrap"), token, { mode: 0o600 });
    const init = ["init", "--bootstrap-token-file", at("bootstrap"), "--name", "Olive"];
    const { code } = await as("none", [...init, ...citizen, "--token-file", at("first")]);
    expect(code).toBe(0);
  };

  /** Records a person and gives them a token of these roles, in a file of their first name. */
  const add = async (
    name: string,
    roles: readonly string[],
    facts: readonly string[] = citizen,
  ) => {
    const { person, principal } = await done("first", "person", "add", "--name", name, ...facts);
    const given = roles.flatMap((role) => ["--role", role]);
    const create = ["token", "create", "--principal", String(principal), ...given];
    await done("first", ...create, "--token-file", at(name.split(" ")[0] ?? name));
    return { person: String(person), principal: String(principal) };
  };

  return { at, as, done, begin, add };
}
