-- What the last comparison of both databases found, table by table.
CREATE TABLE reconciliation (
    -- The target's table.
    name         TEXT    PRIMARY KEY,
    -- The source's.
    source       TEXT    NOT NULL,
    -- What a row of it is to the lanes.
    entity       TEXT,
    verdict      TEXT    NOT NULL,
    compared     INTEGER NOT NULL,
    different    INTEGER NOT NULL,
    not_verified INTEGER NOT NULL,
    -- JSON: ids of rows that differ, some of them.
    ids          TEXT    NOT NULL,
    finished_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
