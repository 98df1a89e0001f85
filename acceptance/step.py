"""A step of the run."""

from collections.abc import Callable
from dataclasses import dataclass

from acceptance.outcome import Outcome
from acceptance.world import World


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to try on AWS. `run` may raise `StepError` and what AWS answers."""

    number: int
    title: str
    expected: str
    run: Callable[[World], Outcome]
    needs: tuple[int, ...] = ()
    """The steps without whose success this one is skipped."""
