-- The entity that the rows of a table belong to, as lines belong to an order.
ALTER TABLE reconciliation ADD COLUMN parent TEXT;
-- A comparison says nothing of what changed after it began.
ALTER TABLE reconciliation RENAME COLUMN finished_at TO began_at;
