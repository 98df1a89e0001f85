"""
A pytest plugin: Python's garbage collector leaves the tests that were collected alone.

Thousands of them live to the end. The collector walked through all of them again and again, which
took a seventh of the time of the tests.
"""

import gc
from collections.abc import Iterator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect tests without garbage collections, and keep what they made out of later ones."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
