import { type Command, Option } from "commander";
import { ask } from "./client.ts";
import {
  noun,
  type RepositoryName,
  recordOf,
  recordsIn,
  remote,
  repositoryName,
  repositoryRoute,
} from "./command.ts";
import { type Context, openSession, type RemoteOptions } from "./context.ts";
import { details, table } from "./output.ts";

type PolicyOptions = RemoteOptions & { readonly requireProved?: "yes" | "no" };

export function repositoryCommands(program: Command, context: Context): void {
  const repository = noun(program, "repository", "where the revisions of a model live");

  remote(repository, "create", "make an empty repository, not yet classified")
    .argument("<repository>", "namespace/name", repositoryName)
    .action(async ({ namespace, name }: RepositoryName, options: RemoteOptions) => {
      const { client, output } = await openSession(context, options);
      const answer = recordOf(await ask(client, "POST", "/v1/repositories", { namespace, name }));
      output.result(
        answer,
        () => `repository ${namespace}/${name} (${String(answer["repository"])})`,
      );
    });

  remote(repository, "list", "the repositories that you may know of").action(
    async (options: RemoteOptions) => {
      const { client, output } = await openSession(context, options);
      const answer = await ask(client, "GET", "/v1/repositories");
      output.result(answer, () =>
        table(recordsIn(answer, "repositories"), [
          {
            title: "repository",
            of: (row) => `${String(row["namespace"])}/${String(row["name"])}`,
          },
          { title: "head", of: (row) => row["head"] },
          { title: "createdAt", of: (row) => row["createdAt"] },
        ]),
      );
    },
  );

  remote(repository, "show", "a repository, its classification and its revisions")
    .argument("<repository>", "namespace/name", repositoryName)
    .action(async (named: RepositoryName, options: RemoteOptions) => {
      const { client, output } = await openSession(context, options);
      const answer = recordOf(await ask(client, "GET", repositoryRoute(named)));
      const revisions = recordsIn(
        await ask(client, "GET", `${repositoryRoute(named)}/revisions`),
        "revisions",
      );
      output.result({ ...answer, revisions }, () =>
        [
          details(answer),
          "",
          ...revisions.map(
            ({ revision, createdAt, message }) =>
              `${String(revision)}  ${String(createdAt)}  ${String(message)}`,
          ),
        ].join("\n"),
      );
    });

  remote(repository, "policy", "what a repository demands of its releases; with an option, set it")
    .argument("<repository>", "namespace/name", repositoryName)
    .addOption(
      new Option(
        "--require-proved <answer>",
        "release no file before the vault has read it and proved its digest",
      ).choices(["yes", "no"]),
    )
    .action(async (named: RepositoryName, options: PolicyOptions) => {
      const { client, output } = await openSession(context, options);
      const { requireProved: wanted } = options;
      const answer =
        wanted === undefined
          ? await ask(client, "GET", repositoryRoute(named))
          : await ask(client, "PUT", `${repositoryRoute(named)}/policy`, {
              requireProved: wanted === "yes",
            });
      const policy = recordOf(recordOf(answer)["policy"]);
      output.result(policy, () => details(policy));
    });
}
