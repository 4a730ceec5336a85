import { setTimeout as sleep } from "node:timers/promises";
import type { Api } from "../api.ts";
import type { ApiCast } from "../api-cast.ts";
import type { Random } from "./random.ts";
import { enclosed } from "./release.ts";
import { type Turn, Violation, type World } from "./world.ts";

const activeMs = 250;

/** What the officers know of the visitor's license: `changing` from before a change is asked for until its answer is there. */
export type Standing = { state: "active" | "suspended" | "changing"; version: number };

/** Suspends the license and reinstates it, without end; after a lost answer the officers look first. */
export function alternating(
  { first, second }: Pick<ApiCast, "first" | "second">,
  { license, standing }: { readonly license: string; readonly standing: Standing },
): Turn {
  return async ({ api }) => {
    const read = await api.as(first.token).json("GET", `/v1/licenses/${license}`);
    const verb = read["state"] === "active" ? "suspend" : "reinstate";
    // The visitor is to have a chance of keys now and then.
    if (verb === "suspend") await sleep(activeMs);
    standing.state = "changing";
    standing.version += 1;
    const officer = api.as(verb === "suspend" ? first.token : second.token);
    await officer.json("POST", `/v1/licenses/${license}/${verb}`);
    standing.state = verb === "suspend" ? "suspended" : "active";
    standing.version += 1;
    if (verb === "reinstate") await reinstateGrants(api, { first, second });
    return true;
  };
}

/** The vault suspends the visitor's grant when it finds that the license is gone; it stays so until an officer says otherwise. */
async function reinstateGrants(
  api: Api,
  { first, second }: Pick<ApiCast, "first" | "second">,
): Promise<void> {
  const { grants } = await api.as(first.token).json("GET", "/v1/grants");
  for (const { id, state } of grants as readonly { readonly id: string; readonly state: string }[])
    if (state === "suspended")
      await api.as(second.token).json("POST", `/v1/grants/${id}/reinstate`);
}

/** The visitor asks for keys without end: they come under the license, and never while it is certainly suspended. */
export function asLicensed(
  world: World,
  {
    random,
    token,
    standing,
  }: { readonly random: Random; readonly token: string; readonly standing: Standing },
): Turn {
  return async ({ api }) => {
    const wanted = world.someRevision(random);
    if (wanted === null) return false;
    const before = { ...standing };
    const refusals = ["release_denied", "release_stopped"];
    const files = await enclosed(world, api.as(token), { ...wanted, refusals });
    if (files === null) return true;
    world.turns.set("licensed", (world.turns.get("licensed") ?? 0) + 1);
    for (const { key } of files) key.wipe();
    if (before.state === "suspended" && standing.version === before.version)
      throw new Violation(`${files[0]?.release} was allowed under a suspended license`);
    return true;
  };
}
