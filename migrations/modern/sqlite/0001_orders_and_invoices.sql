-- The modern database in SQLite's dialect, under the names that it has in PostgreSQL:
--   text id         TEXT: a UUIDv7, or the id that a migrated row had on the legacy side
--   legacy_id       TEXT: the id that the other side gave to a row made by a mirrored write
--   numeric(10,2)   TEXT '10.50', below 10^8: SQLite has no exact decimal
--   timestamptz     TEXT 'YYYY-MM-DDTHH:MM:SS.mmmZ': one length, so it sorts as time
--   date            TEXT 'YYYY-MM-DD'

CREATE TABLE customers (
    id         TEXT NOT NULL PRIMARY KEY,
    legacy_id  TEXT UNIQUE,
    email      TEXT NOT NULL UNIQUE,
    first_name TEXT NOT NULL,
    last_name  TEXT NOT NULL,
    phone      TEXT,
    address    TEXT,
    city       TEXT,
    state      TEXT,
    zip_code   TEXT,
    country    TEXT,
    created_at TEXT NOT NULL CHECK (created_at GLOB '????-??-??T??:??:??.???Z'),
    updated_at TEXT NOT NULL CHECK (updated_at GLOB '????-??-??T??:??:??.???Z')
) STRICT;

CREATE TABLE orders (
    id          TEXT NOT NULL PRIMARY KEY,
    legacy_id   TEXT UNIQUE,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    status      TEXT NOT NULL CHECK (status IN
        ('PENDING', 'CONFIRMED', 'PROCESSING', 'SHIPPED', 'DELIVERED', 'CANCELLED', 'RETURNED')),
    total       TEXT NOT NULL CHECK (total GLOB '*[0-9].[0-9][0-9]' AND abs(total) < 100000000),
    subtotal    TEXT NOT NULL
        CHECK (subtotal GLOB '*[0-9].[0-9][0-9]' AND abs(subtotal) < 100000000),
    tax         TEXT NOT NULL CHECK (tax GLOB '*[0-9].[0-9][0-9]' AND abs(tax) < 100000000),
    discount    TEXT NOT NULL
        CHECK (discount GLOB '*[0-9].[0-9][0-9]' AND abs(discount) < 100000000),
    notes       TEXT,
    created_at  TEXT NOT NULL CHECK (created_at GLOB '????-??-??T??:??:??.???Z'),
    updated_at  TEXT NOT NULL CHECK (updated_at GLOB '????-??-??T??:??:??.???Z')
) STRICT;
CREATE INDEX orders_of_customer ON orders (customer_id, created_at DESC, id DESC);

CREATE TABLE order_items (
    id         TEXT    NOT NULL PRIMARY KEY,
    order_id   TEXT    NOT NULL REFERENCES orders (id),
    product_id TEXT    NOT NULL,
    quantity   INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 2147483647),
    price      TEXT    NOT NULL CHECK (price GLOB '*[0-9].[0-9][0-9]' AND abs(price) < 100000000),
    total      TEXT    NOT NULL CHECK (total GLOB '*[0-9].[0-9][0-9]' AND abs(total) < 100000000)
) STRICT;
CREATE INDEX items_of_order ON order_items (order_id);

CREATE TABLE invoices (
    id          TEXT NOT NULL PRIMARY KEY,
    legacy_id   TEXT UNIQUE,
    order_id    TEXT NOT NULL UNIQUE REFERENCES orders (id),
    customer_id TEXT NOT NULL REFERENCES customers (id),
    number      TEXT NOT NULL UNIQUE CHECK (number GLOB 'INV-[0-9][0-9][0-9][0-9][0-9][0-9]-*'),
    status      TEXT NOT NULL CHECK (status IN ('DRAFT', 'SENT', 'PAID', 'OVERDUE', 'CANCELLED')),
    subtotal    TEXT NOT NULL
        CHECK (subtotal GLOB '*[0-9].[0-9][0-9]' AND abs(subtotal) < 100000000),
    tax         TEXT NOT NULL CHECK (tax GLOB '*[0-9].[0-9][0-9]' AND abs(tax) < 100000000),
    discount    TEXT NOT NULL
        CHECK (discount GLOB '*[0-9].[0-9][0-9]' AND abs(discount) < 100000000),
    total       TEXT NOT NULL CHECK (total GLOB '*[0-9].[0-9][0-9]' AND abs(total) < 100000000),
    due_date    TEXT CHECK (due_date GLOB '????-??-??'),
    paid_at     TEXT CHECK (paid_at GLOB '????-??-??T??:??:??.???Z'),
    created_at  TEXT NOT NULL CHECK (created_at GLOB '????-??-??T??:??:??.???Z'),
    updated_at  TEXT NOT NULL CHECK (updated_at GLOB '????-??-??T??:??:??.???Z')
) STRICT;
CREATE INDEX invoices_of_customer ON invoices (customer_id, created_at DESC, id DESC);

-- The last number of a month is found here, and derived from the invoices alone: a counter beside
-- them could disagree after a migration.
CREATE UNIQUE INDEX invoices_by_number
    ON invoices (substr(number, 1, 10), CAST(substr(number, 12) AS INTEGER));
