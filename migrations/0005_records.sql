-- Records: who read personal facts is in the ledger; what is kept, held, found, handed out and at last erased is here.

-- Erasure takes a person's wrapped key and ciphertext away, and nothing else does; the row and its commitment stay.
alter table person
  alter column facts drop not null,
  alter column wrapped_key drop not null,
  drop constraint person_state_check,
  add constraint person_state_check check (state in ('active', 'suspended', 'revoked', 'erased')),
  add constraint person_erased check (
    (state = 'erased') = (wrapped_key is null) and (state = 'erased') = (facts is null)),
  -- The version whose names and countries the index of terms has; an older one is never overwritten before it does.
  add column indexed_version integer not null default 0;

alter table evidence
  alter column sealed drop not null,
  add column is_indexed boolean not null default false;
create index evidence_person on evidence (person);
create index evidence_unindexed on evidence (person, id) where not is_indexed and sealed is not null;

-- The documented way alone: the transaction that erases has submitted `person.erased` about the person.
create function is_erasure_submitted(erased uuid) returns boolean language sql stable as $$
  select exists (select from ledger_submission where subject = erased and kind = 'person.erased')
$$;

create function keep_person() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and old.state <> 'erased' then
    if new.state <> 'erased' or (is_erasure_submitted(old.id) and new.commitment = old.commitment) then
      return new;
    end if;
  end if;
  raise exception 'person: % refused', tg_op using errcode = 'integrity_constraint_violation';
end
$$;
create trigger keep_person before update or delete on person for each row execute function keep_person();

create function keep_evidence() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE'
    and (new.id, new.release, new.person, new.commitment, new.created_at)
      = (old.id, old.release, old.person, old.commitment, old.created_at)
    and (new.sealed = old.sealed
      or (new.sealed is null and (old.sealed is null or is_erasure_submitted(old.person)))) then
    return new;
  end if;
  raise exception 'evidence is only added to, or erased with its person: % refused', tg_op
    using errcode = 'integrity_constraint_violation';
end
$$;
create trigger keep_evidence before update or delete on evidence for each row execute function keep_evidence();
create trigger no_truncate before truncate on person for each statement execute function refuse_change();
create trigger no_truncate before truncate on evidence for each statement execute function refuse_change();

-- Nothing that is held is destroyed. `reference` is the matter's or the request's own number.
create table hold (
  id uuid primary key,
  state text not null check (state in ('placed', 'lifted')),
  version integer not null,
  kind text not null check (kind in ('legal', 'agency-request')),
  scope text not null check (scope in ('everything', 'person', 'entity', 'repository', 'license')),
  target uuid,
  reference text not null,
  reason text not null,
  placed_by uuid not null references person,
  placed_at timestamptz not null,
  lift_reason text,
  -- The agency's written authorization, by its reference.
  "authorization" text,
  lifted_by uuid references person,
  lifted_at timestamptz,
  salt bytea not null,
  submission bigint not null references ledger_submission,
  check ((scope = 'everything') = (target is null)),
  check ((state = 'lifted') = (lifted_by is not null)),
  check (lifted_by is null or lifted_by <> placed_by),
  check (state = 'placed' or kind = 'legal' or "authorization" is not null)
);

-- Which holds stand is read from their entries, so that a row that was hidden is missed.
create index ledger_submission_hold on ledger_submission (subject, id desc) where kind in ('hold.placed', 'hold.lifted');

-- What became known of an export after it: a reexport, a transfer or a diversion, from which retention runs anew.
create table movement (
  id uuid primary key,
  release uuid not null references release,
  what text not null check (what in ('reexport', 'transfer', 'diversion')),
  moved_on text not null check (moved_on ~ '^\d{4}-\d{2}-\d{2}$'),
  description text not null,
  noted_by uuid not null references person,
  noted_at timestamptz not null,
  salt bytea not null,
  submission bigint not null references ledger_submission
);
create index movement_release on movement (release);
create trigger append_only before update or delete or truncate on movement for each statement execute function refuse_change();

-- The key of the index of terms, wrapped by the custodian.
create table term_key (
  singleton boolean primary key default true check (singleton),
  wrapped_key bytea not null,
  custodian_key text not null,
  created_at timestamptz not null
);

-- What personal facts can be found by: HMAC-SHA256 of a normalised name, a country or a document's number, under a key that no
-- reader of the database has. Derived: it is deleted with the person's facts and can be made again from them.
create table record_term (
  term bytea not null check (length(term) = 32),
  noun text not null check (noun in ('person', 'release')),
  -- The submission of the release's decision, by which pages are taken; 0 for a person.
  place bigint not null,
  record uuid not null,
  person uuid not null references person,
  primary key (term, noun, place, record)
);
create index record_term_person on record_term (person);

create index release_by_principal on release (principal, submission);
create index release_by_repository on release (repository, submission);
create index release_by_submission on release (submission);
