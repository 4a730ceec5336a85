-- Direct uploads: parts that a client seals itself and puts into the store, past the vault.

-- What addresses were given out for, so that the store's list of parts can be held against it. A part that was sealed anew is another row.
create table direct_part (
  object uuid not null references parted_object,
  part integer not null check (part between 1 and 10000),
  -- Of the plaintext, as the client declares it.
  size_bytes bigint not null,
  sha256 bytea not null check (octet_length(sha256) = 32),
  -- Of what lies in the store, which the address admits alone.
  sealed_bytes bigint not null,
  sealed_sha256 bytea not null check (octet_length(sealed_sha256) = 32),
  located_at timestamptz not null,
  primary key (object, part, sealed_sha256)
);

-- A digest that the vault took from its client, and when a verifying read ended with either finding. The entries decide, not these.
alter table parted_object
  add column declared_at timestamptz,
  add column read_at timestamptz,
  add constraint parted_object_declared check (read_at is null or declared_at is not null);
create index parted_object_declared on parted_object (declared_at)
  where declared_at is not null and read_at is null;

-- What a release is held to: of each object the newest of what was handed out, declared and found.
create index ledger_submission_digest on ledger_submission (subject, id)
  where kind in ('upload.key-released', 'object.declared', 'object.proved', 'object.refuted');
