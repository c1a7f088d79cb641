-- The policy that a kept request was decided under, so that its decision can be held to that of its entry; not known of older rows.
ALTER TABLE requests ADD COLUMN policy_hash TEXT;
