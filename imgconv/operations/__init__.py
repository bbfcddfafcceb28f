"""What filters compute, as data: one file for each loop, named like it."""
