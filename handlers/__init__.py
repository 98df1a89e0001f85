"""Lambda entry points: they translate events into calls of `lib.flows.scans`, and nothing else."""
