-- What the journal keeps: counts of outcomes, findings, and sampled exchanges.

-- Requests per minute. Retention folds old minutes into minute 0, so the sums never shrink.
CREATE TABLE counts (
    route   TEXT    NOT NULL,
    minute  INTEGER NOT NULL, -- since 1970, UTC
    outcome TEXT    NOT NULL, -- the word of an outcome, or 'eligible', 'served', …
    reason  TEXT    NOT NULL, -- the reason, the side, or ''
    n       INTEGER NOT NULL,
    PRIMARY KEY (route, minute, outcome, reason)
) STRICT, WITHOUT ROWID;
CREATE INDEX counts_by_minute ON counts (minute);

-- What was found, one row per fingerprint. Discrepancies have the outcome 'different'; any other
-- outcome is a failure: its path is empty, its kind the reason.
CREATE TABLE findings (
    fingerprint TEXT    NOT NULL PRIMARY KEY,
    route       TEXT    NOT NULL,
    outcome     TEXT    NOT NULL,
    path        TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    seen        INTEGER NOT NULL, -- exchanges in which it occurred
    drawn       INTEGER NOT NULL, -- exchanges that its samples were drawn from
    first_seen  INTEGER NOT NULL, -- milliseconds since 1970
    last_seen   INTEGER NOT NULL,
    state       TEXT    NOT NULL DEFAULT 'open'
                CHECK (state IN ('open', 'allowed', 'fixed', 'regressed')),
    explanation TEXT    NOT NULL
) STRICT;
CREATE INDEX findings_by_frequency ON findings (outcome, seen, fingerprint);
CREATE INDEX findings_by_age ON findings (last_seen);

-- Exchanges as JSON documents, redacted.
CREATE TABLE exchanges (
    id       INTEGER NOT NULL PRIMARY KEY,
    at       INTEGER NOT NULL, -- milliseconds since 1970
    document TEXT    NOT NULL
) STRICT;
CREATE INDEX exchanges_by_age ON exchanges (at);

-- The reservoir of each finding. One exchange may serve several findings.
CREATE TABLE samples (
    fingerprint TEXT    NOT NULL REFERENCES findings ON DELETE CASCADE,
    slot        INTEGER NOT NULL,
    exchange    INTEGER NOT NULL REFERENCES exchanges ON DELETE CASCADE,
    path        TEXT    NOT NULL, -- where in this exchange, array positions included
    PRIMARY KEY (fingerprint, slot)
) STRICT, WITHOUT ROWID;
CREATE INDEX samples_by_exchange ON samples (exchange);

CREATE TRIGGER exchange_leaves_with_its_last_sample AFTER DELETE ON samples
WHEN NOT EXISTS (SELECT 1 FROM samples WHERE exchange = OLD.exchange)
BEGIN
    DELETE FROM exchanges WHERE id = OLD.exchange;
END;
