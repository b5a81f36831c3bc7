-- The monolith's business rules. Each procedure is one transaction, and answers with the row that
-- it made. A rule that is broken is an error of its own:
--   51001  the customer does not exist
--   51002  the order does not exist
--   51003  the discount is above the subtotal
--   51004  a lock was not granted in time
-- A taken e-mail and a second invoice of an order are the violations of their constraints (2627),
-- an amount that its column does not hold is the arithmetic overflow (8115).

SET ANSI_NULLS ON;
SET QUOTED_IDENTIFIER ON;
GO

-- Quirk half-even-tax: an amount of at least zero to the cent, half a cent to the even cent.
-- ROUND takes half a cent away from zero; only there, and only to an odd cent, it went wrong.
CREATE OR ALTER FUNCTION dbo.RoundHalfEven (@Exact decimal(36, 18))
RETURNS decimal(18, 2)
AS
BEGIN
    DECLARE @Rounded decimal(18, 2) = ROUND(@Exact, 2);
    IF @Rounded - @Exact = 0.005 AND CAST(@Rounded * 100 AS bigint) % 2 = 1
        SET @Rounded = @Rounded - 0.01;
    RETURN @Rounded;
END;
GO

CREATE OR ALTER PROCEDURE dbo.CreateCustomer
    @Email     nvarchar(510),
    @FirstName nvarchar(200),
    @LastName  nvarchar(200),
    @Phone     nvarchar(100) = NULL,
    @Address   nvarchar(510) = NULL,
    @City      nvarchar(200) = NULL,
    @State     nvarchar(200) = NULL,
    @ZipCode   nvarchar(40)  = NULL,
    @Country   nvarchar(200) = NULL
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;
    DECLARE @Now datetime = GETDATE();
    DECLARE @Id int;
    BEGIN TRY
        BEGIN TRANSACTION;

        INSERT INTO dbo.Customers (Email, FirstName, LastName, Phone, Address, City, State,
                                   ZipCode, Country, CreatedAt, UpdatedAt)
        VALUES (@Email, @FirstName, @LastName, @Phone, @Address, @City, @State,
                @ZipCode, @Country, @Now, @Now);
        SET @Id = CAST(SCOPE_IDENTITY() AS int);

        EXECUTE dbo.CustomerById @Id = @Id;
        COMMIT TRANSACTION;
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        THROW;
    END CATCH;
END;
GO

-- @Lines is a JSON array of {"line", "productId", "quantity", "price"}. The amounts are wider than
-- their columns, so that an unknown customer is found before an amount that is too large.
CREATE OR ALTER PROCEDURE dbo.CreateOrder
    @CustomerId int,
    @Status     nvarchar(20),
    @Total      decimal(38, 2),
    @Subtotal   decimal(38, 2),
    @Tax        decimal(38, 2),
    @Discount   decimal(38, 2),
    @Lines      nvarchar(max),
    @Notes      nvarchar(4000) = NULL
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;
    DECLARE @Now datetime = GETDATE();
    DECLARE @Id int;
    BEGIN TRY
        BEGIN TRANSACTION;

        IF NOT EXISTS (SELECT 1 FROM dbo.Customers WHERE Id = @CustomerId)
            THROW 51001, N'The customer does not exist.', 1;

        INSERT INTO dbo.Orders (CustomerId, Status, IsActive, Total, Subtotal, Tax, Discount,
                                Notes, CreatedAt, UpdatedAt)
        VALUES (@CustomerId, @Status,
                CASE WHEN @Status IN (N'pending', N'confirmed', N'processing', N'shipped')
                     THEN 1 ELSE 0 END,
                @Total, @Subtotal, @Tax, @Discount, @Notes, @Now, @Now);
        SET @Id = CAST(SCOPE_IDENTITY() AS int);

        -- The order of an INSERT ... SELECT is the order in which it gives identities.
        INSERT INTO dbo.OrderLines (OrderId, ProductId, Quantity, Price, Total)
        SELECT @Id, l.ProductId, l.Quantity, l.Price, l.Price * l.Quantity
        FROM OPENJSON(@Lines) WITH (
            Line      int            '$.line',
            ProductId nvarchar(510)  '$.productId',
            Quantity  int            '$.quantity',
            Price     decimal(18, 2) '$.price'
        ) AS l
        ORDER BY l.Line;

        EXECUTE dbo.OrderById @Id = @Id;
        COMMIT TRANSACTION;
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        THROW;
    END CATCH;
END;
GO

-- The lock is held to the end of the transaction: numbers follow each other without a gap, and
-- times are in the order of numbers.
CREATE OR ALTER PROCEDURE dbo.CreateInvoice
    @OrderId  int,
    @TaxRate  decimal(17, 16),
    @Discount decimal(38, 2),
    @DueDate  date = NULL
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;
    DECLARE @Granted int;
    DECLARE @Now datetime;
    DECLARE @CustomerId int;
    DECLARE @Subtotal decimal(18, 2);
    DECLARE @Tax decimal(18, 2);
    DECLARE @Prefix nvarchar(20);
    DECLARE @Next int;
    DECLARE @Id int;
    BEGIN TRY
        BEGIN TRANSACTION;

        EXECUTE @Granted = sp_getapplock @Resource = N'dbo.Invoices.Number',
            @LockMode = N'Exclusive', @LockOwner = N'Transaction', @LockTimeout = 5000;
        IF @Granted < 0
            THROW 51004, N'The invoice numbers were locked for too long.', 1;
        SET @Now = GETDATE();

        SELECT @CustomerId = CustomerId, @Subtotal = Subtotal
        FROM dbo.Orders
        WHERE Id = @OrderId;
        IF @CustomerId IS NULL
            THROW 51002, N'The order does not exist.', 1;
        IF @Discount > @Subtotal
            THROW 51003, N'The discount is above the subtotal.', 1;

        -- decimal(18, 2) times decimal(17, 16) is decimal(36, 18): exact.
        SET @Tax = dbo.RoundHalfEven(@Subtotal * @TaxRate);

        -- INV-YYYYMM-NNNN; a month with more than 9999 invoices has longer numbers.
        SET @Prefix = N'INV-' + LEFT(CONVERT(nvarchar(8), @Now, 112), 6) + N'-';
        SELECT @Next = ISNULL(MAX(TRY_CAST(SUBSTRING(Number, 12, 10) AS int)), 0) + 1
        FROM dbo.Invoices
        WHERE Number LIKE @Prefix + N'%';

        INSERT INTO dbo.Invoices (OrderId, CustomerId, Number, Status, IsPaid, Subtotal, Tax,
                                  Discount, Total, DueDate, PaidAt, CreatedAt, UpdatedAt)
        VALUES (@OrderId, @CustomerId,
                @Prefix + CASE WHEN @Next < 10000
                               THEN RIGHT(N'000' + CAST(@Next AS nvarchar(10)), 4)
                               ELSE CAST(@Next AS nvarchar(10)) END,
                N'draft', 0, @Subtotal, @Tax,
                @Discount, @Subtotal + @Tax - @Discount, @DueDate, NULL, @Now, @Now);
        SET @Id = CAST(SCOPE_IDENTITY() AS int);

        EXECUTE dbo.InvoiceById @Id = @Id;
        COMMIT TRANSACTION;
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        THROW;
    END CATCH;
END;
GO
