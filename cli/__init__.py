"""The operator's command, `ecr-scan-alerts`: the same code paths as the handlers, on a terminal."""
