-- How many mirrored writes were under way and not on disk: what a run that is killed leaves to the
-- next, which knows nothing else of them.
CREATE TABLE at_risk (
    one    INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    writes INTEGER NOT NULL
) STRICT;
INSERT INTO at_risk (one, writes) VALUES (1, 0);
