-- Objects that come by parts, each in a request of its own: what of them the store holds, so that anybody who resumes sends the rest alone.

create table parted_object (
  object uuid primary key references object,
  -- Where the file will stand in the revision, and what the client declared of it.
  path text not null,
  size_bytes bigint not null check (size_bytes >= 0),
  sha256 bytea not null check (octet_length(sha256) = 32),
  -- The store's session; null until it is begun, and after the store lost it.
  session text,
  -- Set once the store has put the parts together: no part comes any more.
  assembled_at timestamptz,
  -- Who completes it says so until then, and how far the verifying read has come.
  completing_until timestamptz,
  proved_bytes bigint not null default 0,
  -- The refusal that ended it for good.
  failure text
);

create table object_part (
  object uuid not null references parted_object,
  part integer not null check (part between 1 and 10000),
  -- Of the plaintext.
  size_bytes bigint not null,
  sha256 bytea not null check (octet_length(sha256) = 32),
  -- Of what lies in the store.
  sealed_bytes bigint not null,
  tag text not null,
  received_at timestamptz not null,
  primary key (object, part)
);
