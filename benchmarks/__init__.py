"""The benchmarks of README's figures: `make bench`. They count calls and compare durations."""
