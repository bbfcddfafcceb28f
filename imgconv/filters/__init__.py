"""The filters, as users call them: arguments into an operation, and a call of it."""
