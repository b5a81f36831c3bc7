-- The monolith's tables on SQL Server 2017 or later.
--
-- Every script here can run again: a table that is there stays as it is, a procedure is replaced.
-- Character columns are twice as wide as the API's limits, because nvarchar counts UTF-16 units.
-- Times are GETDATE(), server-local and without a zone.

SET ANSI_NULLS ON;
SET QUOTED_IDENTIFIER ON;
GO

-- The collation is named, so that e-mails are compared without regard to case on every server.
IF OBJECT_ID(N'dbo.Customers', N'U') IS NULL
CREATE TABLE dbo.Customers (
    Id         int IDENTITY(1, 1) NOT NULL CONSTRAINT PK_Customers PRIMARY KEY,
    Email      nvarchar(510) COLLATE Latin1_General_CI_AS NOT NULL
               CONSTRAINT UQ_Customers_Email UNIQUE,
    FirstName  nvarchar(200)  NOT NULL,
    LastName   nvarchar(200)  NOT NULL,
    Phone      nvarchar(100)  NULL,
    Address    nvarchar(510)  NULL,
    City       nvarchar(200)  NULL,
    State      nvarchar(200)  NULL,
    ZipCode    nvarchar(40)   NULL,
    Country    nvarchar(200)  NULL,
    CreatedAt  datetime       NOT NULL,
    UpdatedAt  datetime       NOT NULL,
    RowVersion rowversion     NOT NULL
);
GO

IF OBJECT_ID(N'dbo.Orders', N'U') IS NULL
CREATE TABLE dbo.Orders (
    Id         int IDENTITY(1, 1) NOT NULL CONSTRAINT PK_Orders PRIMARY KEY,
    CustomerId int            NOT NULL
               CONSTRAINT FK_Orders_Customers REFERENCES dbo.Customers (Id),
    Status     nvarchar(20)   NOT NULL,
    IsActive   bit            NOT NULL,
    Total      decimal(18, 2) NOT NULL,
    Subtotal   decimal(18, 2) NOT NULL,
    Tax        decimal(18, 2) NOT NULL,
    Discount   decimal(18, 2) NOT NULL,
    Notes      nvarchar(4000) NULL,
    CreatedAt  datetime       NOT NULL,
    UpdatedAt  datetime       NOT NULL,
    RowVersion rowversion     NOT NULL,
    CONSTRAINT CK_Orders_Status CHECK (Status IN
        (N'pending', N'confirmed', N'processing', N'shipped',
         N'delivered', N'cancelled', N'returned')),
    CONSTRAINT CK_Orders_IsActive CHECK (
        (IsActive = 1 AND Status IN (N'pending', N'confirmed', N'processing', N'shipped'))
        OR (IsActive = 0 AND Status IN (N'delivered', N'cancelled', N'returned')))
);
GO

-- Price is money, as the first release had it; ProductId began as nchar(20), and its values carry
-- trailing blanks up to that length.
IF OBJECT_ID(N'dbo.OrderLines', N'U') IS NULL
CREATE TABLE dbo.OrderLines (
    Id         int IDENTITY(1, 1) NOT NULL CONSTRAINT PK_OrderLines PRIMARY KEY,
    OrderId    int            NOT NULL
               CONSTRAINT FK_OrderLines_Orders REFERENCES dbo.Orders (Id),
    ProductId  nvarchar(510)  NOT NULL,
    Quantity   int            NOT NULL,
    Price      money          NOT NULL,
    Total      decimal(18, 2) NOT NULL,
    CONSTRAINT CK_OrderLines_Quantity CHECK (Quantity > 0)
);
GO

IF OBJECT_ID(N'dbo.Invoices', N'U') IS NULL
CREATE TABLE dbo.Invoices (
    Id         int IDENTITY(1, 1) NOT NULL CONSTRAINT PK_Invoices PRIMARY KEY,
    OrderId    int            NOT NULL
               CONSTRAINT FK_Invoices_Orders REFERENCES dbo.Orders (Id)
               CONSTRAINT UQ_Invoices_OrderId UNIQUE,
    CustomerId int            NOT NULL
               CONSTRAINT FK_Invoices_Customers REFERENCES dbo.Customers (Id),
    Number     nvarchar(40)   NOT NULL CONSTRAINT UQ_Invoices_Number UNIQUE,
    Status     nvarchar(20)   NOT NULL,
    IsPaid     bit            NOT NULL,
    Subtotal   decimal(18, 2) NOT NULL,
    Tax        decimal(18, 2) NOT NULL,
    Discount   decimal(18, 2) NOT NULL,
    Total      decimal(18, 2) NOT NULL,
    DueDate    date           NULL,
    PaidAt     datetime       NULL,
    CreatedAt  datetime       NOT NULL,
    UpdatedAt  datetime       NOT NULL,
    RowVersion rowversion     NOT NULL,
    CONSTRAINT CK_Invoices_Status CHECK (Status IN
        (N'draft', N'sent', N'paid', N'overdue', N'cancelled')),
    CONSTRAINT CK_Invoices_IsPaid CHECK (
        (IsPaid = 1 AND Status = N'paid') OR (IsPaid = 0 AND Status <> N'paid'))
);
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes
               WHERE name = N'IX_Orders_CustomerId' AND object_id = OBJECT_ID(N'dbo.Orders'))
CREATE INDEX IX_Orders_CustomerId ON dbo.Orders (CustomerId, Id);
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes
               WHERE name = N'IX_OrderLines_OrderId' AND object_id = OBJECT_ID(N'dbo.OrderLines'))
CREATE INDEX IX_OrderLines_OrderId ON dbo.OrderLines (OrderId, Id);
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes
               WHERE name = N'IX_Invoices_CustomerId' AND object_id = OBJECT_ID(N'dbo.Invoices'))
CREATE INDEX IX_Invoices_CustomerId ON dbo.Invoices (CustomerId, CreatedAt);
GO
