"""Evaluations in S3: what the contract tests cannot show with a store that works."""

from collections.abc import Callable
from typing import Any

import pytest

from lib.errors import StoreError
from lib.store.reports import S3EvaluationStore


@pytest.mark.parametrize("read", ["get", "baseline"])
def test_a_store_that_cannot_be_read_is_an_error(boto: Callable[[str], Any], read: str) -> None:
    """Only a missing object is None: a missing bucket must never look like an expired report."""
    store = S3EvaluationStore(boto("s3"), "no-such-bucket-0192837465")

    with pytest.raises(StoreError, match="reading reports/one"):
        getattr(store, read)("reports/one")
