"""
Shortcuts: what ministack works out anew for each service or row is worked out once.

Used by `local.aws.cloud` only, with private names of ministack as there. Ministack makes a session
of botocore for each service, which lists all of the 400 services, and parses the same condition of
a scan for each row of a table.
"""

from functools import cache, lru_cache
from types import ModuleType
from typing import Any, Final

import botocore.session

CONDITIONS: Final = 1000
"""Conditions that are kept. A program has few, but tests may make up some."""


def install(dynamodb: ModuleType) -> None:
    """Keep the session of botocore, and what is wrong with a condition of DynamoDB."""
    # Sessions are read here, and never configured.
    sessions: Any = botocore.session
    sessions.get_session = cache(sessions.get_session)
    conditions: Any = dynamodb
    conditions._condition_syntax_error = lru_cache(CONDITIONS)(  # noqa: SLF001  # no public name
        conditions._condition_syntax_error  # noqa: SLF001  # same
    )
