"""Lambda entry points: they translate events into calls of `lib.pipeline`, and nothing else."""
