"""
How much `make test` tries, and how much `make thorough` does: more examples, and full products.

A pytest plugin, because Hypothesis takes its profile before tests are imported.
"""

import os
from collections.abc import Sequence
from itertools import product
from typing import Any, Final

import pytest
from hypothesis import settings

THOROUGH: Final = os.environ.get("THOROUGH") == "1"
QUICK_EXAMPLES: Final = 40
THOROUGH_EXAMPLES: Final = 1000

settings.register_profile("quick", max_examples=QUICK_EXAMPLES, deadline=None)
settings.register_profile("thorough", max_examples=THOROUGH_EXAMPLES, deadline=None)
settings.load_profile("thorough" if THOROUGH else "quick")


def examples(quick: int) -> int:
    """Return how many examples a property tries that needs its own number."""
    return quick * THOROUGH_EXAMPLES // QUICK_EXAMPLES if THOROUGH else quick


def pairs(first: Sequence[Any], second: Sequence[Sequence[Any]]) -> list[Any]:
    """
    Return parameter sets in which every element of both sequences occurs.

    Elements are paired in turn, so a run is the same each time; with `make thorough` every element
    is paired with all of the other sequence.
    """
    if THOROUGH:
        return [_pair(one, other) for one, other in product(first, second)]
    count = max(len(first), len(second))
    return [_pair(first[n % len(first)], second[n % len(second)]) for n in range(count)]


def _pair(first: Any, second: Sequence[Any]) -> Any:
    values = first.values if hasattr(first, "values") else (first,)
    return pytest.param(*values, *second, id=f"{getattr(first, 'id', first)}-{second[0]}")
