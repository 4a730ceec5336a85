-- One index for the few kinds that are looked up by kind, in place of six: every submission opened each of them, to find that it is not for it.
drop index ledger_submission_override;
drop index ledger_submission_hold;
drop index ledger_submission_key_rotation;
drop index ledger_submission_shredded;
drop index ledger_submission_digest;
drop index ledger_submission_policy;
create index ledger_submission_kind on ledger_submission (kind, subject, id)
  where kind in (
    'override.proposed', 'override.approved', 'override.withdrawn', 'hold.placed', 'hold.lifted', 'ledger.key-rotated', 'repository.shredded',
    'repository.policy-set', 'upload.key-released', 'object.declared', 'object.proved', 'object.refuted');
