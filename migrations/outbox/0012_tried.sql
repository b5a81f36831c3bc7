-- Whether modern may have done a write already that it would do once more; of those that are here now,
-- nobody knows.
ALTER TABLE writes ADD COLUMN tried INTEGER NOT NULL DEFAULT 1;
