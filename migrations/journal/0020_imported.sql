-- When a finding came as a file from another journal, in milliseconds since 1970; 0 if it did not.
ALTER TABLE findings ADD COLUMN imported INTEGER NOT NULL DEFAULT 0;
