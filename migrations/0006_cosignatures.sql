-- What witnesses and a time-stamping authority said of checkpoints. Every row was verified before it came in, and is again before it counts.

create table ledger_cosignature (
  size bigint not null references ledger_checkpoint,
  -- The cosigner's key name and key id: those of its line in the note.
  name text not null,
  key_id text not null,
  -- Timestamp and signature, as in the line (C2SP tlog-cosignature).
  signature bytea not null,
  cosigned_at timestamptz not null,
  primary key (size, name, key_id)
);

create table ledger_timestamp (
  size bigint primary key references ledger_checkpoint,
  -- DER of an RFC 3161 TimeStampResp over the checkpoint's note text, as the authority sent it.
  response bytea not null,
  stamped_at timestamptz not null
);

create trigger append_only before update or delete or truncate on ledger_cosignature
  for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on ledger_timestamp
  for each statement execute function refuse_change();
