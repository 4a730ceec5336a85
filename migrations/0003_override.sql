-- Overrides of the rulebook, on counsel's advice: proposed by one officer, approved by another, withdrawn by any.

create table override (
  id uuid primary key,
  state text not null check (state in ('proposed', 'approved', 'withdrawn')),
  version integer not null,
  requirement text not null,
  requirement_sha256 bytea not null check (length(requirement_sha256) = 32),
  action text not null check (action in ('set-aside', 'enforce')),
  reason text not null,
  counsel text not null,
  valid_from text not null check (valid_from ~ '^\d{4}-\d{2}-\d{2}$'),
  valid_until text not null check (valid_until ~ '^\d{4}-\d{2}-\d{2}$'),
  proposed_by uuid not null references person,
  proposed_at timestamptz not null,
  approved_by uuid references person,
  approved_at timestamptz,
  withdrawn_by uuid references person,
  withdrawn_at timestamptz,
  salt bytea not null,
  submission bigint not null references ledger_submission,
  check (approved_by is null or approved_by <> proposed_by),
  check (state <> 'approved' or approved_by is not null),
  check (state <> 'withdrawn' or withdrawn_by is not null)
);

-- Which overrides stand is read from their entries, so that a row that was hidden is missed.
create index ledger_submission_override on ledger_submission (subject, id desc)
  where kind in ('override.proposed', 'override.approved', 'override.withdrawn');

-- Every rulebook that a decision named, under its digest, so that the decision can be made again.
create table rulebook (
  digest text primary key check (digest ~ '^[0-9a-f]{64}$'),
  content text not null,
  created_at timestamptz not null
);
create trigger append_only before update or delete or truncate on rulebook for each statement execute function refuse_change();

-- Re-decision. All of it is derived: it can be emptied, and nothing is ever released because of it. No row refers to a grant's, since the
-- reference would take a lock on the grant that releases wait for.

create table redecision (
  singleton boolean primary key default true check (singleton),
  -- The first index of the ledger that was not looked at for changes.
  next_index bigint not null default 0,
  swept_at timestamptz,
  holder text,
  lease_until timestamptz
);
insert into redecision (next_index) select coalesce(max(index) + 1, 0) from ledger_entry;

create table redecision_seen (
  what text not null check (what in ('rulebook', 'list', 'sites')),
  value text not null,
  seen_at timestamptz not null,
  primary key (what, value)
);

create table grant_review (
  "grant" uuid primary key,
  -- How often it was called for and which call was answered; it is due while they differ.
  called bigint not null default 0,
  answered bigint not null default 0,
  retry_at timestamptz,
  was_allowed boolean not null default false,
  sites_allowing integer,
  flagged_at timestamptz,
  decided_at timestamptz
);
create index grant_review_due on grant_review ("grant") where answered < called;
create index grant_review_flagged on grant_review (flagged_at) where flagged_at is not null;

create index release_allowed on release ("grant") where verdict = 'allow';

create table grant_verdict (
  "grant" uuid not null,
  site text not null,
  verdict text not null check (verdict in ('allow', 'deny', 'hold')),
  checks jsonb not null,
  rulebook text not null,
  was_allowed boolean not null,
  since timestamptz not null,
  decided_at timestamptz not null,
  primary key ("grant", site)
);
