-- Policies of repositories: what a repository demands of its releases beyond what the vault demands of all.

-- A row a change; the one of the highest version is the policy in force, and answers to the newest `repository.policy-set` of its repository.
create table repository_policy (
  repository uuid not null references repository,
  version integer not null check (version > 0),
  require_proved boolean not null,
  set_by uuid not null references person,
  set_at timestamptz not null,
  submission bigint not null references ledger_submission,
  primary key (repository, version)
);
create trigger append_only before update or delete or truncate on repository_policy
  for each statement execute function refuse_change();

-- What the row is held to, in every decision that rests on it.
create index ledger_submission_policy on ledger_submission (subject, id) where kind = 'repository.policy-set';
