"""The name and version of this program, as documents for other programs state them."""

from typing import Final

NAME: Final = "ecr-scan-alerts"
VERSION: Final = "0.1.0"
"""The only place of it: the wheel and `deploy.release` read it here."""
