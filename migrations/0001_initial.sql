-- Who may act. Personal facts are ciphertext under a key per person, which the custodian wraps.
-- `version` counts changes, `submission` is the ledger submission that recorded the latest one,
-- `commitment` is SHA-256(salt | canonical record) as that submission carries it.

create table vault (
  singleton boolean primary key default true check (singleton),
  id uuid not null,
  created_at timestamptz not null
);

create table bootstrap_token (
  hash bytea primary key,
  created_at timestamptz not null,
  used_at timestamptz
);

create table ledger_submission (
  id bigint generated always as identity primary key,
  kind text not null,
  subject uuid,
  time timestamptz not null,
  body bytea not null
);

-- The licenses that an allowed release relied on, so that the uses of one are counted from what was submitted.
create function allowed_licenses(body bytea) returns jsonb language sql immutable strict
  return convert_from(body, 'UTF8')::jsonb -> 'licenses';
create index ledger_submission_licenses on ledger_submission using gin (allowed_licenses(body))
  where kind = 'release.allowed';
create index ledger_submission_subject on ledger_submission (subject, id desc) where subject is not null;

create table person (
  id uuid primary key,
  state text not null check (state in ('active', 'suspended', 'revoked')),
  version integer not null,
  facts bytea not null,
  wrapped_key bytea not null,
  custodian_key text not null,
  commitment bytea not null,
  submission bigint not null references ledger_submission,
  created_at timestamptz not null
);

create table entity (
  id uuid primary key,
  state text not null check (state in ('active', 'suspended', 'revoked')),
  version integer not null,
  name text not null,
  country text,
  headquarters text,
  ultimate_parent_headquarters text,
  ownership text check (ownership in ('no-listed-owner', 'listed-owner-below-half', 'listed-owner-half-or-more')),
  salt bytea not null,
  submission bigint not null references ledger_submission,
  created_at timestamptz not null
);

create table workload (
  id uuid primary key,
  state text not null check (state in ('active', 'suspended', 'revoked')),
  version integer not null,
  name text not null unique,
  accountable uuid not null references person,
  entity uuid not null references entity,
  salt bytea not null,
  submission bigint not null references ledger_submission,
  created_at timestamptz not null
);

create table principal (
  id uuid primary key,
  issuer text not null,
  subject text not null,
  person uuid references person,
  workload uuid references workload,
  created_at timestamptz not null,
  unique (issuer, subject),
  check ((person is null) <> (workload is null))
);

create table token (
  id uuid primary key,
  hash bytea not null unique,
  principal uuid not null references principal,
  roles text[] not null,
  issued_by uuid references principal,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz
);
create index token_principal on token (principal);

-- What is kept.

create table repository (
  id uuid primary key,
  namespace text not null,
  name text not null,
  head text,
  created_by uuid not null references principal,
  created_at timestamptz not null,
  unique (namespace, name)
);

create table upload (
  id uuid primary key,
  repository uuid not null references repository,
  principal uuid not null references principal,
  state text not null check (state in ('open', 'committed', 'aborted', 'expired')),
  revision text,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index upload_open on upload (expires_at) where state = 'open';

create table object (
  id uuid primary key,
  repository uuid not null references repository,
  upload uuid not null references upload,
  state text not null check (state in ('opening', 'sealed', 'removing', 'removed')),
  wrapped_key bytea not null,
  custodian_key text not null,
  header bytea not null,
  size_bytes bigint,
  object_bytes bigint,
  sha256 bytea,
  lease_until timestamptz not null,
  created_at timestamptz not null,
  sealed_at timestamptz,
  check (state <> 'sealed' or (size_bytes is not null and object_bytes is not null and sha256 is not null))
);
create index object_upload on object (upload);

create table upload_file (
  upload uuid not null references upload,
  path text not null,
  object uuid not null references object,
  primary key (upload, path)
);
create index upload_file_object on upload_file (object);

create table revision (
  repository uuid not null references repository,
  id text not null check (id ~ '^[0-9a-f]{40}$'),
  parent text,
  manifest bytea not null,
  created_by uuid not null references principal,
  created_at timestamptz not null,
  submission bigint not null references ledger_submission,
  primary key (repository, id)
);

create table revision_file (
  repository uuid not null,
  revision text not null,
  path text not null,
  object uuid not null references object,
  size_bytes bigint not null,
  sha256 bytea not null,
  primary key (repository, revision, path),
  foreign key (repository, revision) references revision (repository, id)
);
create index revision_file_object on revision_file (object);

-- What a decision rests on.

create table classification (
  id uuid primary key,
  repository uuid not null references repository,
  state text not null check (state in ('proposed', 'approved', 'superseded')),
  jurisdiction text not null,
  eccn text not null,
  paragraph text,
  basis text not null check (basis in ('self', 'CCATS', 'counsel')),
  datasheet jsonb not null,
  proposed_by uuid not null references person,
  proposed_at timestamptz not null,
  approved_by uuid references person,
  approved_at timestamptz,
  salt bytea not null,
  submission bigint not null references ledger_submission,
  check (approved_by is null or approved_by <> proposed_by),
  check (state = 'proposed' or approved_by is not null)
);
create unique index classification_approved on classification (repository) where state = 'approved';

create table license (
  id uuid primary key,
  number text not null,
  kind text not null,
  state text not null check (state in ('draft', 'active', 'suspended', 'revoked')),
  version integer not null,
  scope jsonb not null,
  conditions text not null,
  valid_from text not null check (valid_from ~ '^\d{4}-\d{2}-\d{2}$'),
  valid_until text not null check (valid_until ~ '^\d{4}-\d{2}-\d{2}$'),
  releases_allowed integer,
  releases_used integer not null default 0,
  entered_by uuid not null references person,
  activated_by uuid references person,
  salt bytea not null,
  submission bigint not null references ledger_submission,
  created_at timestamptz not null,
  check (activated_by is null or activated_by <> entered_by),
  check (releases_used >= 0 and (releases_allowed is null or releases_used <= releases_allowed))
);

create table "grant" (
  id uuid primary key,
  principal uuid not null references principal,
  repository uuid not null references repository,
  purpose text not null,
  state text not null check (state in ('active', 'suspended', 'revoked')),
  version integer not null,
  valid_from timestamptz not null,
  valid_until timestamptz not null,
  bytes_allowed bigint,
  bytes_used bigint not null default 0,
  made_by uuid not null references person,
  salt bytea not null,
  submission bigint not null references ledger_submission,
  created_at timestamptz not null,
  check (bytes_used >= 0 and (bytes_allowed is null or bytes_used <= bytes_allowed))
);
create index grant_principal on "grant" (principal, repository);

-- What was decided and what came of it.

create table release (
  id uuid primary key,
  principal uuid not null references principal,
  token uuid not null references token,
  repository uuid not null references repository,
  revision text not null,
  way text not null check (way in ('enclosed', 'stream')),
  verdict text not null check (verdict in ('allow', 'deny', 'hold')),
  state text not null check (state in ('allowed', 'opening', 'delivered', 'failed', 'abandoned', 'unknown', 'denied', 'held')),
  decision jsonb not null,
  "grant" uuid references "grant",
  reuse_key bytea not null,
  object_count integer not null,
  object_list_sha256 bytea not null,
  bytes_total bigint not null,
  bytes_charged bigint not null default 0,
  bytes_delivered bigint not null default 0,
  streams integer not null default 0,
  is_broken boolean not null default false,
  node text,
  lease_until timestamptz not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  submission bigint not null references ledger_submission,
  outcome bigint references ledger_submission
);
create index release_reuse on release (reuse_key) where state in ('allowed', 'opening');
create index release_unended on release (lease_until) where state in ('allowed', 'opening');
create index release_principal on release (principal, created_at);

create table release_object (
  release uuid not null references release,
  position integer not null,
  path text not null,
  object uuid not null references object,
  size_bytes bigint not null,
  sha256 bytea not null,
  primary key (release, position)
);

create table release_license (
  release uuid not null references release,
  license uuid not null references license,
  primary key (release, license)
);
create index release_license_license on release_license (license);

create table evidence (
  id uuid primary key,
  release uuid not null references release,
  person uuid not null references person,
  commitment bytea not null,
  sealed bytea not null,
  created_at timestamptz not null
);
create index evidence_release on evidence (release);

-- The ledger: `ledger_pending` and the lease alone change; everything else is only added to.

create table ledger_pending (
  submission bigint primary key references ledger_submission
);

create table ledger_entry (
  index bigint primary key check (index >= 0),
  submission bigint not null unique references ledger_submission,
  bytes bytea not null,
  leaf bytea not null
);

create table ledger_tile (
  level integer not null,
  number bigint not null,
  hashes bytea not null check (length(hashes) = 8192),
  root bytea not null,
  primary key (level, number)
);

create table ledger_checkpoint (
  size bigint primary key,
  root bytea not null,
  note text not null,
  fence bigint not null,
  signed_at timestamptz not null
);

create table ledger_lease (
  singleton boolean primary key default true check (singleton),
  holder text not null,
  fence bigint not null,
  expires_at timestamptz not null
);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only: % refused', tg_table_name, tg_op using errcode = 'integrity_constraint_violation';
end
$$;

do $$
declare
  name text;
begin
  foreach name in array array['ledger_submission', 'ledger_entry', 'ledger_tile', 'ledger_checkpoint', 'revision', 'revision_file', 'release_object', 'release_license'] loop
    execute format('create trigger append_only before update or delete or truncate on %I for each statement execute function refuse_change()', name);
  end loop;
end
$$;
