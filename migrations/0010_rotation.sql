-- Rotation of the key-encryption key, and the destruction of weights.

-- Each row is one rotation onto `kek`. Counts and digest go on in the transaction that replaces the wraps they tell of, so that a pass that was
-- killed goes on where it was. Holder and lease are of the database's clock: one node at a time re-wraps.
create table custody_rotation (
  id uuid primary key,
  kek text not null,
  state text not null check (state in ('running', 'finished', 'superseded')),
  begun_by uuid not null references principal,
  begun_at timestamptz not null,
  ended_at timestamptz,
  rewrapped bigint not null default 0,
  -- Wraps that do not open in their context, as the latest whole pass found them: they stay as they are.
  rejected bigint not null default 0,
  digest bytea not null check (length(digest) = 32),
  holder text,
  lease_until timestamptz,
  submission bigint not null references ledger_submission,
  outcome bigint references ledger_submission,
  check ((state = 'running') = (ended_at is null) and (state = 'running') = (outcome is null))
);
create unique index custody_rotation_running on custody_rotation ((true)) where state = 'running';

-- What each rotation replaced, in its order: the rotation's digest is made of these rows, and its last entry carries it.
create table rewrapped_key (
  rotation uuid not null references custody_rotation,
  position bigint not null,
  noun text not null check (noun in ('object', 'person', 'term')),
  record text not null,
  old_sha256 bytea not null check (length(old_sha256) = 32),
  new_sha256 bytea not null check (length(new_sha256) = 32),
  primary key (rotation, position)
);
create trigger append_only before update or delete or truncate on rewrapped_key
  for each statement execute function refuse_change();

-- Which keys are wrapped under which key-encryption key, and which are still to be re-wrapped.
create index object_custodian_key on object (custodian_key, id) where wrapped_key is not null;
create index person_custodian_key on person (custodian_key, id) where wrapped_key is not null;

-- A shredded object has no wrapped key: `shredding` names the proposal that two officers carried out. The row stays, as manifests name it.
alter table object
  alter column wrapped_key drop not null,
  add column shredding uuid,
  add constraint object_shredded check (
    (wrapped_key is null) = (shredding is not null) and (shredding is null or state in ('removing', 'removed')));

-- What was shredded is read from its entries, so that a row from a backup brings nothing back.
create index ledger_submission_shredded on ledger_submission (subject, id) where kind = 'repository.shredded';

-- The documented way alone: two officers' entry tells that this object, or all of its repository, is shredded. Nothing undoes it.
create function is_shredded_by(body bytea, repository uuid, object uuid) returns boolean language sql immutable strict
  return convert_from(body, 'UTF8')::jsonb ->> 'repository' = repository::text
    and coalesce(convert_from(body, 'UTF8')::jsonb ->> 'object', object::text) = object::text;
create function keep_object() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and old.shredding is null and (
    new.shredding is null
    or exists (
      select from ledger_submission where subject = new.shredding and kind = 'shredding.approved'
        and is_shredded_by(body, old.repository, old.id))) then
    return new;
  end if;
  raise exception 'object: % refused', tg_op using errcode = 'integrity_constraint_violation';
end
$$;
create trigger keep_object before update of wrapped_key, custodian_key, shredding or delete on object
  for each row execute function keep_object();
create trigger no_truncate before truncate on object for each statement execute function refuse_change();
