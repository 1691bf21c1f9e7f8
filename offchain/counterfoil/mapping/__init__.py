"""A data set through a model, row by row, on many processes or machines; a receipt for each row."""
