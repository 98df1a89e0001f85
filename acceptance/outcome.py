"""Outcomes of steps, and the table of results. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from rich.table import Table


class Status(Enum):
    """The result of a step."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


class StepError(Exception):
    """A step cannot continue. The text describes what it observed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The observation of a step, and its status. For a skipped step, the reason."""

    status: Status
    observation: str


def ok(observation: str) -> Outcome:
    """Return the outcome of a step with the expected observation."""
    return Outcome(Status.OK, observation)


def failed(observation: str) -> Outcome:
    """Return the outcome of a step with another observation."""
    return Outcome(Status.FAILED, observation)


def skipped(reason: str) -> Outcome:
    """Return the outcome of a skipped step."""
    return Outcome(Status.SKIPPED, reason)


def judged(observation: str, *, right: bool) -> Outcome:
    """Return an outcome that is OK if the observation is right, else FAILED."""
    return ok(observation) if right else failed(observation)


@dataclass(frozen=True, slots=True)
class Result:
    """A line of the table."""

    number: int
    title: str
    expected: str
    outcome: Outcome
    seconds: float


_STYLES: Final = {Status.OK: "green", Status.FAILED: "bold red", Status.SKIPPED: "yellow"}


def table_of(results: Iterable[Result]) -> Table:
    """Return the table of a run."""
    table = Table("step", "expected", "seen", "seconds", "result", show_lines=True)
    for result in results:
        status = result.outcome.status
        table.add_row(
            f"{result.number} {result.title}",
            result.expected,
            result.outcome.observation,
            f"{result.seconds:.0f}",
            f"[{_STYLES[status]}]{status.value}[/]",
        )
    return table


def exit_code(results: Iterable[Result], *, left: Iterable[str]) -> int:
    """Return 1 if a step failed or something is left in the account, else 0."""
    return int(any(result.outcome.status is Status.FAILED for result in results) or any(left))
