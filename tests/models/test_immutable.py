"""A class of data behaves as the frozen dataclass that the type checker takes it for."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from itertools import product
from typing import Any

from lib.models.immutable import immutable
from tests.support.every import every


def classes(decorator: Callable[..., Any]) -> list[Any]:
    """Return classes with each kind of field, made by a decorator."""

    @decorator(frozen=True, slots=True)
    class Several:
        name: str
        number: int = 1
        uncompared: str = field(default="", compare=False)
        unhashed: list[int] = field(default_factory=list, hash=False)
        hidden: str = field(default="", repr=False)

    @decorator(frozen=True, slots=True)
    class One:
        name: str

    @decorator(frozen=True, slots=True)
    class Empty:
        pass

    return [
        Several("a"),
        Several("a", uncompared="other"),
        Several("a", unhashed=[1]),
        Several("a", 2, hidden="secret"),
        Several("b"),
        One("a"),
        One("b"),
        Empty(),
    ]


OURS, FROZEN = classes(immutable), classes(dataclass)


@every(("one", "other"), product(range(len(OURS)), repeat=2))
def test_objects_are_equal_as_those_of_a_frozen_dataclass_are(one: int, other: int) -> None:
    assert (OURS[one] == OURS[other]) == (FROZEN[one] == FROZEN[other])
    equal_hashes = hash(FROZEN[one]) == hash(FROZEN[other])
    assert (hash(OURS[one]) == hash(OURS[other])) == equal_hashes


@every("number", range(len(OURS)))
def test_an_object_is_shown_as_that_of_a_frozen_dataclass_is(number: int) -> None:
    """A field that is left out of it may be a secret."""
    assert repr(OURS[number]) == repr(FROZEN[number])


@every("number", range(len(OURS)))
def test_an_object_has_the_fields_and_slots_of_a_dataclass(number: int) -> None:
    ours, frozen = OURS[number], FROZEN[number]

    assert [one.name for one in fields(ours)] == [one.name for one in fields(frozen)]
    assert ours.__slots__ == frozen.__slots__
    assert ours.__match_args__ == frozen.__match_args__
    assert replace(ours) == ours


def test_objects_of_other_classes_are_never_equal() -> None:
    assert OURS[0] != FROZEN[0]
