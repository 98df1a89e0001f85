"""
Authorization decisions of ministack's IAM, by role, action and resource.

A test compares them with the permissions in the template.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

_caller: ContextVar[str] = ContextVar("caller", default="")
ASSUMED: Final = ":assumed-role/"
"""Part of the ARN of a caller with a role: arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION."""


@dataclass(frozen=True, slots=True, order=True)
class Authorization:
    """An action that a role requested, and whether its policies allow it."""

    role: str
    action: str
    resource: str
    allowed: bool


class Authorizations:
    """All distinct decisions about roles."""

    def __init__(self, evaluator: ModuleType) -> None:
        self._evaluator: Any = evaluator
        self._seen: set[Authorization] = set()

    def install(self) -> None:
        """Wrap the evaluator's functions, to record callers and decisions."""
        self._evaluator.evaluate = _with_caller(self._evaluator.evaluate)
        self._evaluator.enforce = self._recorder(self._evaluator.enforce)

    @property
    def rows(self) -> list[Authorization]:
        """The decisions so far, in order."""
        return sorted(self._seen)

    def _recorder(self, enforce: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap the function that decides about a request. It returns None for an allowed one."""

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


def _with_caller(evaluate: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the evaluation of policies, to record the caller."""

    def evaluated(context: Any, *policies: Any) -> Any:
        _caller.set(context.principal_arn)
        return evaluate(context, *policies)

    return evaluated
