"""The rows of the matrix; importing a module adds its rows."""
