"""The name and version of this program, as documents for other programs state them."""

from typing import Final

NAME: Final = "ecr-scan-alerts"
VERSION: Final = "0.1.0"
"""The same as in pyproject.toml, which is not in the zip; a test compares."""
