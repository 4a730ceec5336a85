import { InvalidArgumentError } from "commander";
import { type RepositoryName, repositoryName, repositoryRoute } from "./command.ts";

/** `namespace/name@revision`; the revision is 40 hex digits or `main`. */
export type RevisionName = { readonly repository: RepositoryName; readonly revision: string };

export function revisionName(text: string): RevisionName {
  const [, repository, revision] = /^([^@\s]+)@(main|[0-9a-f]{40})$/.exec(text) ?? [];
  if (repository === undefined || revision === undefined)
    throw new InvalidArgumentError(
      "A revision is namespace/name@revision, with 40 hex digits or main.",
    );
  return { repository: repositoryName(repository), revision };
}

export function revisionRoute({ repository, revision }: RevisionName): string {
  return `${repositoryRoute(repository)}/revisions/${revision}`;
}
