-- What officers state beyond the first facts. Null where nothing is stated; only then it stays out of the row's commitment, so that
-- rows and entries of before still answer to each other.

-- Form, publication, statements, computer and basis of determination of a classification.
alter table classification add column attributes jsonb;

-- Papers that an entity gave.
alter table entity add column acknowledgements jsonb;

-- Conditions of a license as items to check, each with its state.
alter table license add column riders jsonb;
