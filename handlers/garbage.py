"""
Garbage collection between invocations instead of in the middle of them.

The collector looks at all objects again and again while thousands of findings are made, which
costs more than all else of an event: 50,000 findings took 6.6 s with it and 4.5 s without. What is
not needed any more is freed at once by its reference count; only cycles wait for the collector.
"""

import gc
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

_YOUNG: Final = 1
"""The oldest generation that is collected: of what is older, little becomes garbage."""
_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")


def collected_afterwards(work: Callable[_Arguments, _Answer]) -> Callable[_Arguments, _Answer]:
    """
    Decorate a function so that garbage is collected when it ends, and not while it runs.

    Only what the function made is looked at: modules and clients stay in the oldest generation.
    """

    @wraps(work)
    def collected(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Answer:
        gc.disable()
        try:
            return work(*args, **kwargs)
        finally:
            gc.collect(_YOUNG)
            gc.enable()

    return collected
