"""`make test` leaves nothing out that `make thorough` tries at full size: it only tries it less."""

import pytest

from tests.support import thorough

COMMANDS = [pytest.param(name, id=name) for name in ("audit", "scan", "route", "digest", "doctor")]
FAULTS = [("denied", 403), ("throttled", 400), ("broken", 500)]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thorough, "THOROUGH", False)


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thorough, "THOROUGH", True)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("first", "second"), [(COMMANDS, FAULTS), (COMMANDS[:2], FAULTS)], ids=["more", "less"]
)
def test_pairs_hold_every_element(first: list[object], second: list[tuple[object, ...]]) -> None:
    """Every command, and every fault, whichever there are more of."""
    found = [pair.values for pair in thorough.pairs(first, second)]

    assert len(found) == max(len(first), len(second))
    assert {pair[0] for pair in found} == {one.values[0] for one in first}  # type: ignore[attr-defined]  # a parameter set
    assert {pair[1:] for pair in found} == set(second)


@pytest.mark.usefixtures("full")
def test_a_thorough_run_pairs_all_with_all() -> None:
    """The full product, and the full number of examples."""
    found = {pair.values for pair in thorough.pairs(COMMANDS, FAULTS)}

    assert len(found) == len(COMMANDS) * len(FAULTS)
    assert thorough.examples(60) > 60


@pytest.mark.usefixtures("quick")
def test_a_quick_run_tries_as_many_examples_as_a_property_asks_for() -> None:
    assert thorough.examples(60) == 60
