"""
What each role asked for: every decision of ministack's IAM, by role, action and resource.

A test compares it with what the template grants.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

_caller: ContextVar[str] = ContextVar("caller", default="")
ASSUMED: Final = ":assumed-role/"
"""A caller that holds a role: arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION."""


@dataclass(frozen=True, slots=True, order=True)
class Authorization:
    """One action that a role asked for, and whether its policies allow it."""

    role: str
    action: str
    resource: str
    allowed: bool


class Authorizations:
    """Every decision about a role, once each."""

    def __init__(self, evaluator: ModuleType) -> None:
        self._evaluator: Any = evaluator
        self._seen: set[Authorization] = set()

    def install(self) -> None:
        """Listen to the evaluator: to who asks, and to what comes of it."""
        self._evaluator.evaluate = _noting(self._evaluator.evaluate)
        self._evaluator.enforce = self._listening(self._evaluator.enforce)

    @property
    def rows(self) -> list[Authorization]:
        """What was decided so far, in order."""
        return sorted(self._seen)

    def _listening(self, enforce: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function that decides about a request: None stands for allowed."""

        def enforced(
            key: str,
            action: str,
            service: str,
            region: str,
            resource_arn: str = "*",
            **more: Any,
        ) -> Any:
            token = _caller.set("")
            refusal = enforce(key, action, service, region, resource_arn=resource_arn, **more)
            caller = _caller.get()
            _caller.reset(token)
            if ASSUMED in caller:
                role = caller.partition(ASSUMED)[2].partition("/")[0]
                self._seen.add(Authorization(role, action, resource_arn, refusal is None))
            return refusal

        return enforced


def _noting(evaluate: Callable[..., Any]) -> Callable[..., Any]:
    """Return the evaluation of policies that notes whose they are."""

    def evaluated(context: Any, *policies: Any) -> Any:
        _caller.set(context.principal_arn)
        return evaluate(context, *policies)

    return evaluated
