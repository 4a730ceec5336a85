import { type Answer, parseAnswer } from "./answers.ts";
import { ask, type Client, route } from "./client.ts";
import { recordOf, repositoryName, repositoryRoute } from "./command.ts";
import { Failure } from "./failure.ts";
import { manifestDigest } from "./manifest-digest.ts";

export type Listing = Answer<"revision">;

/**
 * The files of a revision, held against its id, which is made of them: a server that lists others is found out before anything is asked for.
 * Throws `integrity`, and the server's own refusal where the caller may not know of the repository.
 */
export async function listFiles(
  client: Client,
  { repository, revision }: { readonly repository: string; readonly revision: string },
): Promise<Listing> {
  const path = `${repositoryRoute(repositoryName(repository))}${route`/revisions/${revision}`}`;
  const answer = recordOf(await ask(client, "GET", path));
  const listing = parseAnswer("revision", answer);
  if (revision !== "main" && revision !== listing.revision)
    throw new Failure("integrity", "the server lists another revision than was asked for");
  const { repository: id } = answer;
  const digest = typeof id === "string" ? manifestDigest(answer, id) : null;
  if (digest?.startsWith(listing.revision) !== true)
    throw new Failure("integrity", "the server's list of files is not the one of that revision");
  return listing;
}
