-- Whether a join string lets the organisation pin another data protection officer's key than it pinned before.
ALTER TABLE join_tokens ADD COLUMN new_officer INTEGER NOT NULL DEFAULT 0 CHECK (new_officer IN (0, 1));
