-- The rotations of the ledger's signing key are few, and asked for at every start and whenever the lease changes hands.
create index ledger_submission_key_rotation on ledger_submission (id) where kind = 'ledger.key-rotated';
