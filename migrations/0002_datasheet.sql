-- A classification that was proposed with a typed datasheet carries the SHA-256 of its canonical bytes, as its ledger entries do;
-- where the officer states another entry than the arithmetic, the sentence that says why.

alter table classification
  add column datasheet_sha256 text check (datasheet_sha256 ~ '^[0-9a-f]{64}$'),
  add column justification text;
