-- The modern database. An id is a UUIDv7, or the id that a migrated row had on the legacy side;
-- legacy_id is the id that the other side gave to a row made by a mirrored write. Both compare by
-- bytes, as they do everywhere else, whatever the locale of the server.

CREATE TABLE customers (
    id         text COLLATE "C" NOT NULL CONSTRAINT customers_id PRIMARY KEY,
    legacy_id  text COLLATE "C" CONSTRAINT customers_legacy_id UNIQUE,
    email      text COLLATE "C" NOT NULL CONSTRAINT customers_email UNIQUE,
    first_name text NOT NULL,
    last_name  text NOT NULL,
    phone      text,
    address    text,
    city       text,
    state      text,
    zip_code   text,
    country    text,
    created_at timestamptz(3) NOT NULL,
    updated_at timestamptz(3) NOT NULL
);

CREATE TABLE orders (
    id          text COLLATE "C" NOT NULL CONSTRAINT orders_id PRIMARY KEY,
    legacy_id   text COLLATE "C" CONSTRAINT orders_legacy_id UNIQUE,
    customer_id text COLLATE "C" NOT NULL REFERENCES customers (id),
    status      text NOT NULL CHECK (status IN
        ('PENDING', 'CONFIRMED', 'PROCESSING', 'SHIPPED', 'DELIVERED', 'CANCELLED', 'RETURNED')),
    total       numeric(10, 2) NOT NULL,
    subtotal    numeric(10, 2) NOT NULL,
    tax         numeric(10, 2) NOT NULL,
    discount    numeric(10, 2) NOT NULL,
    notes       text,
    created_at  timestamptz(3) NOT NULL,
    updated_at  timestamptz(3) NOT NULL
);
CREATE INDEX orders_of_customer ON orders (customer_id, created_at DESC, id DESC);

CREATE TABLE order_items (
    id         text COLLATE "C" NOT NULL CONSTRAINT order_items_id PRIMARY KEY,
    order_id   text COLLATE "C" NOT NULL REFERENCES orders (id),
    product_id text NOT NULL,
    quantity   integer NOT NULL CHECK (quantity >= 1),
    price      numeric(10, 2) NOT NULL,
    total      numeric(10, 2) NOT NULL
);
CREATE INDEX items_of_order ON order_items (order_id);

CREATE TABLE invoices (
    id          text COLLATE "C" NOT NULL CONSTRAINT invoices_id PRIMARY KEY,
    legacy_id   text COLLATE "C" CONSTRAINT invoices_legacy_id UNIQUE,
    order_id    text COLLATE "C" NOT NULL CONSTRAINT invoices_order_id UNIQUE REFERENCES orders (id),
    customer_id text COLLATE "C" NOT NULL REFERENCES customers (id),
    number      text COLLATE "C" NOT NULL CHECK (number ~ '^INV-[0-9]{6}-[0-9]{4,18}$'),
    status      text NOT NULL CHECK (status IN ('DRAFT', 'SENT', 'PAID', 'OVERDUE', 'CANCELLED')),
    subtotal    numeric(10, 2) NOT NULL,
    tax         numeric(10, 2) NOT NULL,
    discount    numeric(10, 2) NOT NULL,
    total       numeric(10, 2) NOT NULL,
    due_date    date,
    paid_at     timestamptz(3),
    created_at  timestamptz(3) NOT NULL,
    updated_at  timestamptz(3) NOT NULL
);
CREATE INDEX invoices_of_customer ON invoices (customer_id, created_at DESC, id DESC);

-- The last number of a month is found here, and derived from the invoices alone: a counter beside
-- them could disagree after a migration. It also holds that no number is given twice.
CREATE UNIQUE INDEX invoices_by_number
    ON invoices (substr(number, 1, 10), (substr(number, 12)::bigint));
