"""The composition root: environment -> clients -> implementations. Only it knows them all."""
