-- Where a write began on the primary, in the order of all that is mirrored.
ALTER TABLE writes ADD COLUMN began INTEGER NOT NULL DEFAULT 0;

-- Which side lacks what was lost, where that is known, and how many writes were.
ALTER TABLE taints ADD COLUMN lost_by TEXT CHECK (lost_by IN ('legacy', 'modern'));
ALTER TABLE taints ADD COLUMN writes INTEGER NOT NULL DEFAULT 1;

-- The hold on deliveries to modern while its database is filled, at most one.
CREATE TABLE hold (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    since    INTEGER NOT NULL, -- milliseconds since 1970
    position INTEGER NOT NULL,
    routes   TEXT    NOT NULL  -- a JSON array of names; an empty one means all
) STRICT;
