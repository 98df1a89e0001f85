"""The benchmarks of docs/performance.md: `make bench`. They count calls and compare durations."""
