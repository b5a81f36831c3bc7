-- Who has the hold, as they call themselves.
ALTER TABLE hold ADD COLUMN holder TEXT;
