-- What each side minted for clients: cookies, tokens, cursors, tags. A row is found by a keyed hash and
-- sealed with a key that is not in this file.
CREATE TABLE sessions (
    row    BLOB    NOT NULL PRIMARY KEY,
    until  INTEGER NOT NULL, -- seconds since 1970
    sealed BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
