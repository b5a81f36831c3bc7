-- Fills an empty database, keys included, from one JSON array a table, and answers with 1; a
-- database that has customers is left alone, and the answer is 0.

SET ANSI_NULLS ON;
SET QUOTED_IDENTIFIER ON;
GO

CREATE OR ALTER PROCEDURE dbo.SeedWhenEmpty
    @Customers nvarchar(max),
    @Orders    nvarchar(max),
    @Lines     nvarchar(max),
    @Invoices  nvarchar(max)
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;
    DECLARE @Granted int;
    DECLARE @Seeded int = 0;
    BEGIN TRY
        BEGIN TRANSACTION;

        -- Two processes that start together seed once.
        EXECUTE @Granted = sp_getapplock @Resource = N'dbo.SeedWhenEmpty',
            @LockMode = N'Exclusive', @LockOwner = N'Transaction', @LockTimeout = 5000;
        IF @Granted < 0
            THROW 51004, N'Another session was seeding for too long.', 1;

        IF NOT EXISTS (SELECT 1 FROM dbo.Customers)
        BEGIN
            SET IDENTITY_INSERT dbo.Customers ON;
            INSERT INTO dbo.Customers (Id, Email, FirstName, LastName, Phone, Address, City, State,
                                       ZipCode, Country, CreatedAt, UpdatedAt)
            SELECT j.Id, j.Email, j.FirstName, j.LastName, j.Phone, j.Address, j.City, j.State,
                   j.ZipCode, j.Country, j.CreatedAt, j.UpdatedAt
            FROM OPENJSON(@Customers) WITH (
                Id        int           '$.id',
                Email     nvarchar(510) '$.email',
                FirstName nvarchar(200) '$.firstName',
                LastName  nvarchar(200) '$.lastName',
                Phone     nvarchar(100) '$.phone',
                Address   nvarchar(510) '$.address',
                City      nvarchar(200) '$.city',
                State     nvarchar(200) '$.state',
                ZipCode   nvarchar(40)  '$.zipCode',
                Country   nvarchar(200) '$.country',
                CreatedAt datetime      '$.createdAt',
                UpdatedAt datetime      '$.updatedAt'
            ) AS j;
            SET IDENTITY_INSERT dbo.Customers OFF;

            SET IDENTITY_INSERT dbo.Orders ON;
            INSERT INTO dbo.Orders (Id, CustomerId, Status, IsActive, Total, Subtotal, Tax,
                                    Discount, Notes, CreatedAt, UpdatedAt)
            SELECT j.Id, j.CustomerId, j.Status,
                   CASE WHEN j.Status IN (N'pending', N'confirmed', N'processing', N'shipped')
                        THEN 1 ELSE 0 END,
                   j.Total, j.Subtotal, j.Tax, j.Discount, j.Notes, j.CreatedAt, j.UpdatedAt
            FROM OPENJSON(@Orders) WITH (
                Id         int            '$.id',
                CustomerId int            '$.customerId',
                Status     nvarchar(20)   '$.status',
                Total      decimal(18, 2) '$.total',
                Subtotal   decimal(18, 2) '$.subtotal',
                Tax        decimal(18, 2) '$.tax',
                Discount   decimal(18, 2) '$.discount',
                Notes      nvarchar(4000) '$.notes',
                CreatedAt  datetime       '$.createdAt',
                UpdatedAt  datetime       '$.updatedAt'
            ) AS j;
            SET IDENTITY_INSERT dbo.Orders OFF;

            SET IDENTITY_INSERT dbo.OrderLines ON;
            INSERT INTO dbo.OrderLines (Id, OrderId, ProductId, Quantity, Price, Total)
            SELECT j.Id, j.OrderId, j.ProductId, j.Quantity, j.Price, j.Total
            FROM OPENJSON(@Lines) WITH (
                Id        int            '$.id',
                OrderId   int            '$.orderId',
                ProductId nvarchar(510)  '$.productId',
                Quantity  int            '$.quantity',
                Price     decimal(18, 2) '$.price',
                Total     decimal(18, 2) '$.total'
            ) AS j;
            SET IDENTITY_INSERT dbo.OrderLines OFF;

            SET IDENTITY_INSERT dbo.Invoices ON;
            INSERT INTO dbo.Invoices (Id, OrderId, CustomerId, Number, Status, IsPaid, Subtotal,
                                      Tax, Discount, Total, DueDate, PaidAt, CreatedAt, UpdatedAt)
            SELECT j.Id, j.OrderId, j.CustomerId, j.Number, j.Status,
                   CASE WHEN j.Status = N'paid' THEN 1 ELSE 0 END,
                   j.Subtotal, j.Tax, j.Discount, j.Total, j.DueDate, j.PaidAt,
                   j.CreatedAt, j.UpdatedAt
            FROM OPENJSON(@Invoices) WITH (
                Id         int            '$.id',
                OrderId    int            '$.orderId',
                CustomerId int            '$.customerId',
                Number     nvarchar(40)   '$.number',
                Status     nvarchar(20)   '$.status',
                Subtotal   decimal(18, 2) '$.subtotal',
                Tax        decimal(18, 2) '$.tax',
                Discount   decimal(18, 2) '$.discount',
                Total      decimal(18, 2) '$.total',
                DueDate    date           '$.dueDate',
                PaidAt     datetime       '$.paidAt',
                CreatedAt  datetime       '$.createdAt',
                UpdatedAt  datetime       '$.updatedAt'
            ) AS j;
            SET IDENTITY_INSERT dbo.Invoices OFF;
            SET @Seeded = 1;
        END;

        SELECT @Seeded AS Seeded;
        COMMIT TRANSACTION;
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        THROW;
    END CATCH;
END;
GO
