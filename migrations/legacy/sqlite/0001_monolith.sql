-- The monolith's tables, as SQL Server has them, in SQLite's dialect:
--   INT IDENTITY    INTEGER PRIMARY KEY AUTOINCREMENT (an id is never given twice)
--   decimal(18,2)   INTEGER of hundredths, below 10^18: SQLite has no exact decimal
--   datetime        TEXT 'YYYY-MM-DD HH:MM:SS.mmm', server-local, no zone, on 1/300 s ticks
--   bit             INTEGER 0 or 1
--   rowversion      INTEGER that every update raises
--   CI collation    NOCASE, which folds ASCII only

CREATE TABLE Customers (
    Id         INTEGER PRIMARY KEY AUTOINCREMENT,
    Email      TEXT    NOT NULL COLLATE NOCASE UNIQUE,
    FirstName  TEXT    NOT NULL,
    LastName   TEXT    NOT NULL,
    Phone      TEXT,
    Address    TEXT,
    City       TEXT,
    State      TEXT,
    ZipCode    TEXT,
    Country    TEXT,
    CreatedAt  TEXT    NOT NULL,
    UpdatedAt  TEXT    NOT NULL,
    RowVersion INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE Orders (
    Id         INTEGER PRIMARY KEY AUTOINCREMENT,
    CustomerId INTEGER NOT NULL REFERENCES Customers (Id),
    Status     TEXT    NOT NULL CHECK (Status IN
        ('pending', 'confirmed', 'processing', 'shipped', 'delivered', 'cancelled', 'returned')),
    IsActive   INTEGER NOT NULL CHECK (IsActive = (Status IN
        ('pending', 'confirmed', 'processing', 'shipped'))),
    Total      INTEGER NOT NULL CHECK (abs(Total) < 1000000000000000000),
    Subtotal   INTEGER NOT NULL CHECK (abs(Subtotal) < 1000000000000000000),
    Tax        INTEGER NOT NULL CHECK (abs(Tax) < 1000000000000000000),
    Discount   INTEGER NOT NULL CHECK (abs(Discount) < 1000000000000000000),
    Notes      TEXT,
    CreatedAt  TEXT    NOT NULL,
    UpdatedAt  TEXT    NOT NULL,
    RowVersion INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX IX_Orders_CustomerId ON Orders (CustomerId, Id);

-- ProductId began as nchar(20): its values carry trailing blanks up to that length.
CREATE TABLE OrderLines (
    Id         INTEGER PRIMARY KEY AUTOINCREMENT,
    OrderId    INTEGER NOT NULL REFERENCES Orders (Id),
    ProductId  TEXT    NOT NULL,
    Quantity   INTEGER NOT NULL CHECK (Quantity > 0),
    Price      INTEGER NOT NULL CHECK (abs(Price) < 1000000000000000000),
    Total      INTEGER NOT NULL CHECK (abs(Total) < 1000000000000000000)
) STRICT;
CREATE INDEX IX_OrderLines_OrderId ON OrderLines (OrderId, Id);

CREATE TABLE Invoices (
    Id         INTEGER PRIMARY KEY AUTOINCREMENT,
    OrderId    INTEGER NOT NULL UNIQUE REFERENCES Orders (Id),
    CustomerId INTEGER NOT NULL REFERENCES Customers (Id),
    Number     TEXT    NOT NULL UNIQUE,
    Status     TEXT    NOT NULL CHECK (Status IN
        ('draft', 'sent', 'paid', 'overdue', 'cancelled')),
    IsPaid     INTEGER NOT NULL CHECK (IsPaid = (Status = 'paid')),
    Subtotal   INTEGER NOT NULL CHECK (abs(Subtotal) < 1000000000000000000),
    Tax        INTEGER NOT NULL CHECK (abs(Tax) < 1000000000000000000),
    Discount   INTEGER NOT NULL CHECK (abs(Discount) < 1000000000000000000),
    Total      INTEGER NOT NULL CHECK (abs(Total) < 1000000000000000000),
    DueDate    TEXT,
    PaidAt     TEXT,
    CreatedAt  TEXT    NOT NULL,
    UpdatedAt  TEXT    NOT NULL,
    RowVersion INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX IX_Invoices_CustomerId ON Invoices (CustomerId, CreatedAt);

CREATE TRIGGER TR_Customers_RowVersion AFTER UPDATE ON Customers
WHEN NEW.RowVersion = OLD.RowVersion
BEGIN
    UPDATE Customers SET RowVersion = OLD.RowVersion + 1 WHERE Id = OLD.Id;
END;
CREATE TRIGGER TR_Orders_RowVersion AFTER UPDATE ON Orders
WHEN NEW.RowVersion = OLD.RowVersion
BEGIN
    UPDATE Orders SET RowVersion = OLD.RowVersion + 1 WHERE Id = OLD.Id;
END;
CREATE TRIGGER TR_Invoices_RowVersion AFTER UPDATE ON Invoices
WHEN NEW.RowVersion = OLD.RowVersion
BEGIN
    UPDATE Invoices SET RowVersion = OLD.RowVersion + 1 WHERE Id = OLD.Id;
END;

-- An order as the API shows it: with the ids of its lines, as a JSON array.
CREATE VIEW OrdersWithLines AS
SELECT o.*, (SELECT json_group_array(l.Id ORDER BY l.Id)
             FROM OrderLines AS l WHERE l.OrderId = o.Id) AS LineIds
FROM Orders AS o;
