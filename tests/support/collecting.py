"""
A pytest plugin: Python's garbage collector leaves the tests that were collected alone.

Thousands of them live to the end. The collector walked through all of them again and again, which
took a seventh of the time of the tests. What a test makes is collected more seldom, too: a syntax
tree or a report of thousands of findings was walked through many times while it grew.
"""

import gc
from collections.abc import Iterator
from typing import Final

import pytest

OBJECTS: Final = 20_000
"""New objects after which the collector looks at them; Python's own number is below a thousand."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """
    Collect tests without garbage collections, and keep what they made out of later ones.

    By the threshold: a handler that is imported switches the collector on again.
    """
    gc.set_threshold(0)
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(OBJECTS)
