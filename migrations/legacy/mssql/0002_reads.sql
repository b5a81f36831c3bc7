-- What the monolith reads. An order comes as two results: the orders, and the ids of their lines.

SET ANSI_NULLS ON;
SET QUOTED_IDENTIFIER ON;
GO

CREATE OR ALTER PROCEDURE dbo.CustomerById
    @Id int
AS
BEGIN
    SET NOCOUNT ON;
    SELECT Id, Email, FirstName, LastName, Phone, Address, City, State, ZipCode, Country,
           CreatedAt, UpdatedAt
    FROM dbo.Customers
    WHERE Id = @Id;
END;
GO

CREATE OR ALTER PROCEDURE dbo.OrderById
    @Id int
AS
BEGIN
    SET NOCOUNT ON;
    SELECT Id, CustomerId, Status, Total, Subtotal, Tax, Discount, Notes, CreatedAt, UpdatedAt
    FROM dbo.Orders
    WHERE Id = @Id;

    SELECT OrderId, Id
    FROM dbo.OrderLines
    WHERE OrderId = @Id
    ORDER BY Id;
END;
GO

-- Three results: the customer's id where there is such a customer, the orders, their lines. They
-- need no transaction: nothing is ever deleted, and an order comes together with its lines. Lines
-- of an order that came after the second result belong to no order of the answer.
-- Quirk orders-by-id: the contract says newest first.
CREATE OR ALTER PROCEDURE dbo.CustomerOrders
    @CustomerId int,
    @IsActive   bit = NULL
AS
BEGIN
    SET NOCOUNT ON;
    SELECT Id
    FROM dbo.Customers
    WHERE Id = @CustomerId;

    SELECT Id, CustomerId, Status, Total, Subtotal, Tax, Discount, Notes, CreatedAt, UpdatedAt
    FROM dbo.Orders
    WHERE CustomerId = @CustomerId
      AND (@IsActive IS NULL OR IsActive = @IsActive)
    ORDER BY Id;

    SELECT l.OrderId, l.Id
    FROM dbo.OrderLines AS l
    INNER JOIN dbo.Orders AS o ON o.Id = l.OrderId
    WHERE o.CustomerId = @CustomerId
      AND (@IsActive IS NULL OR o.IsActive = @IsActive)
    ORDER BY l.Id;
END;
GO

CREATE OR ALTER PROCEDURE dbo.InvoiceById
    @Id int
AS
BEGIN
    SET NOCOUNT ON;
    SELECT Id, OrderId, CustomerId, Number, Status, Subtotal, Tax, Discount, Total, DueDate,
           PaidAt, CreatedAt, UpdatedAt
    FROM dbo.Invoices
    WHERE Id = @Id;
END;
GO

-- A parameter that is not given restricts nothing.
CREATE OR ALTER PROCEDURE dbo.FindInvoices
    @CustomerId int          = NULL,
    @OrderId    int          = NULL,
    @Status     nvarchar(20) = NULL
AS
BEGIN
    SET NOCOUNT ON;
    SELECT Id, OrderId, CustomerId, Number, Status, Subtotal, Tax, Discount, Total, DueDate,
           PaidAt, CreatedAt, UpdatedAt
    FROM dbo.Invoices
    WHERE (@CustomerId IS NULL OR CustomerId = @CustomerId)
      AND (@OrderId IS NULL OR OrderId = @OrderId)
      AND (@Status IS NULL OR Status = @Status)
    ORDER BY CreatedAt DESC, Id DESC;
END;
GO
