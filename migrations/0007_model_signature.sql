-- OpenSSF model signatures of revisions: each was verified before it came in, and answers to its `revision.signed` entry.

create table model_signature (
  repository uuid not null,
  revision text not null,
  -- SHA-256 of the bundle's bytes.
  digest bytea not null check (length(digest) = 32),
  -- The Sigstore bundle, byte for byte as it was sent.
  bundle bytea not null,
  attached_by uuid not null references principal,
  attached_at timestamptz not null,
  submission bigint not null references ledger_submission,
  primary key (repository, revision, digest),
  foreign key (repository, revision) references revision
);
create trigger append_only before update or delete or truncate on model_signature
  for each statement execute function refuse_change();
