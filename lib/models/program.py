"""The name and version of this program, as documents for other programs state them."""

from typing import Final

NAME: Final = "ecr-scan-alerts"
VERSION: Final = "0.1.0"
"""The only place of it: the wheel and `deploy.release` read it here."""
_SLUG: Final = "ecr-scan-alerts/ecr-scan-alerts"
"""Owner and name of the repository. A release writes its own: `deploy.address`."""
REPOSITORY: Final = f"https://github.com/{_SLUG}"
SCHEMAS: Final = f"https://raw.githubusercontent.com/{_SLUG}/main/schemas/"
"""
What the `$id` of each schema begins with, so that editors find it from anywhere.

After a change `UPDATE_GOLDEN=1 pytest tests/test_schema_ids.py` writes all of them.
"""
