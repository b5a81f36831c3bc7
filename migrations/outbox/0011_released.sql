-- Up to where releases have said that writes are lost which began before: whether the rows that were
-- copied have them is not known.
CREATE TABLE released (
    route TEXT    NOT NULL PRIMARY KEY, -- empty where all were held
    up_to INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Why a write is lost, if that is settled and its lanes are not tainted yet.
ALTER TABLE writes ADD COLUMN lost TEXT;
