-- Who signed a policy follows from its act and the policy before, which may come here later than the policy itself.
ALTER TABLE policies DROP COLUMN signers;
