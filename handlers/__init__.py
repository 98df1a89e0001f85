"""Lambda entry points. They only translate events into calls of `lib.flows`."""
