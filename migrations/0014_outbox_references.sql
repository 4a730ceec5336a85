-- What one statement writes with the submission that it is of, or takes from it, needs no check of its own: it cost a third of a submission.
alter table ledger_pending drop constraint ledger_pending_submission_fkey;
alter table ledger_entry drop constraint ledger_entry_submission_fkey;
