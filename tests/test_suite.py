"""How the tests run: what tests/conftest.py decides about them."""

import sys
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import (
    ONLY_FAST,
    SLOW_FOLDERS,
    TESTS,
    pytest_ignore_collect,
)
from tests.support.tracing import is_traced


@given(st.none())
def test_a_property_test_covers_nothing(example: None) -> None:
    """What an example reaches by chance does not count; nor does tracing slow it."""
    assert not is_traced(), example


@pytest.mark.untraced
def test_a_test_that_repeats_others_at_length_covers_nothing() -> None:
    """The shorter ones cover the same lines."""
    assert not is_traced()


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="coverage has no tracer there")
def test_every_other_test_covers(pytestconfig: pytest.Config) -> None:
    """The tracer is back after a test without it."""
    assert is_traced() == pytestconfig.pluginmanager.hasplugin("_cov")


def test_every_folder_with_a_rule_is_there() -> None:
    """A folder that was renamed would be traced, and run by `make unit`."""
    folders = set(SLOW_FOLDERS)

    assert {name for name in folders if list((TESTS / name).glob("test_*.py"))} == folders


@pytest.mark.parametrize("name", SLOW_FOLDERS)
def test_the_quick_run_imports_no_slow_folder(name: str) -> None:
    """It would deselect all of it; every other run takes the folder."""
    assert pytest_ignore_collect(TESTS / name, asking_for(ONLY_FAST)) is True
    assert pytest_ignore_collect(TESTS / name, asking_for("")) is None
    assert pytest_ignore_collect(TESTS / "core", asking_for(ONLY_FAST)) is None


def asking_for(marks: str) -> Any:
    return SimpleNamespace(getoption={"markexpr": marks}.get)


def test_sessions_share_the_models_of_services() -> None:
    """Each test of a command has a session of its own: reading them anew takes 100 ms."""
    first, second = (
        botocore.session.Session()
        .get_component("data_loader")
        .load_service_model("sqs", "service-2")
        for _ in range(2)
    )

    assert first is second
