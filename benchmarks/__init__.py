"""Where README's figures come from: `make bench`. Ratios and calls counted, on this machine."""
