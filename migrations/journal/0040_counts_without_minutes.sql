-- Totals alone: nothing ever read the minutes, and on a busy proxy they filled the file and pushed the
-- findings out.
CREATE TABLE totals (
    route   TEXT    NOT NULL,
    outcome TEXT    NOT NULL, -- the word of an outcome, or 'eligible', 'served', …
    reason  TEXT    NOT NULL, -- the reason, the side, or ''
    n       INTEGER NOT NULL,
    PRIMARY KEY (route, outcome, reason)
) STRICT, WITHOUT ROWID;
INSERT INTO totals SELECT route, outcome, reason, sum(n) FROM counts GROUP BY route, outcome, reason;
DROP TABLE counts;
ALTER TABLE totals RENAME TO counts;
