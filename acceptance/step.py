"""A step of the run."""

from collections.abc import Callable
from dataclasses import dataclass

from acceptance.outcome import Outcome
from acceptance.world import World


@dataclass(frozen=True, slots=True)
class Step:
    """A test on AWS. `run` may raise `StepError` and errors of AWS."""

    number: int
    title: str
    expected: str
    run: Callable[[World], Outcome]
    needs: tuple[int, ...] = ()
    """Steps that must succeed before this one."""
