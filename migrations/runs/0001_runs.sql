-- What the migration service did and does: copies of rows, and comparisons.
CREATE TABLE runs (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    -- JSON, as it was asked for.
    options    TEXT    NOT NULL,
    -- JSON: how far each table has come.
    tables     TEXT    NOT NULL DEFAULT '[]',
    -- JSON, once it has come to its end.
    report     TEXT,
    -- What a comparison goes on from.
    checkpoint TEXT,
    error      TEXT,
    note       TEXT,
    resumed    INTEGER NOT NULL DEFAULT 0,
    created_at TEXT    NOT NULL,
    ended_at   TEXT
) STRICT;

CREATE INDEX runs_by_kind ON runs (kind, id);
