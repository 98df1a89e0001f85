"""
One test for many cases: the failure names every case that fails, and shows the first one whole.

A case of `pytest.mark.parametrize` costs 2 ms beside its run, because each worker collects
and reports it. That is more than most cases take. Stay with `parametrize` where a case needs a
fresh fixture, or takes long.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest

Test = Callable[..., None]
_LONGEST: Final = 60
"""Characters of a case in a failure."""


class CasesError(AssertionError):
    """The cases of a test that fail."""


def every(
    names: str | Sequence[str],
    cases: Iterable[Any],
    *,
    ids: Callable[[Any], Any] | Iterable[str] | None = None,
) -> Callable[[Test], Test]:
    """
    Let a test take every case, as `pytest.mark.parametrize` would. The cases share fixtures.

    It is skipped where every case is.

    `ids`: the names of the cases in a failure, or the name of a value.
    """
    arguments = [name.strip() for name in names.split(",")] if isinstance(names, str) else [*names]
    sets = [_Case.of(case, len(arguments)) for case in cases]
    if not sets:
        raise ValueError(f"no case of {', '.join(arguments)}: the test would prove nothing")
    name_of: Callable[[Any], Any] = repr
    if callable(ids):
        name_of = ids
    elif ids is not None:
        sets = [_Case(case.values, name) for case, name in zip(sets, ids, strict=True)]

    def decorated(test: Test) -> Test:
        def looped(*args: Any, **fixtures: Any) -> None:
            ends = [
                (case, _end(test, args, fixtures | dict(zip(arguments, case.values, strict=True))))
                for case in sets
            ]
            failures = [(case.text(name_of), end) for case, end in ends if _is_failure(end)]
            if failures:
                raise CasesError(_words(failures, len(sets))) from failures[0][1]
            if None not in [end for _, end in ends]:
                pytest.skip(f"every case: {ends[0][1]}")

        return _as(test, looped, arguments)

    return decorated


def _end(test: Test, args: Sequence[Any], values: Mapping[str, Any]) -> BaseException | None:
    """Return how a case ends: passed (None), skipped, or with an error."""
    try:
        test(*args, **values)
    except (Exception, pytest.skip.Exception, pytest.fail.Exception) as error:  # noqa: BLE001  # named later
        return error
    return None


def _is_failure(end: BaseException | None) -> bool:
    return end is not None and not isinstance(end, pytest.skip.Exception)


@dataclass(frozen=True, slots=True)
class _Case:
    """The values of a case, and its name where it has one."""

    values: Sequence[Any]
    name: str | None = None

    @classmethod
    def of(cls, case: Any, many: int) -> "_Case":
        """Return what a test gives: values, a single one, or a `pytest.param`."""
        if isinstance(case, type(pytest.param())):
            return cls(case.values, case.id)
        return cls(tuple(case) if many > 1 else (case,))

    def text(self, name_of: Callable[[Any], Any]) -> str:
        """Return its name, or its values; only a failure needs them, and some are long."""
        return self.name or ", ".join([str(name_of(value))[:_LONGEST] for value in self.values])


def _words(failures: Sequence[tuple[str, BaseException | None]], many: int) -> str:
    """Return the cases that fail, with the first line of each error."""
    lines = [f"{name}: {_short(error)}" for name, error in failures]
    return "\n  ".join([f"{len(failures)} of {many} cases fail:", *lines])


def _short(error: BaseException | None) -> str:
    if isinstance(error, CasesError):
        return str(error)
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def _as(test: Test, looped: Test, arguments: Sequence[str]) -> Test:
    """Return the loop under the name of the test, with its marks and its other arguments."""
    signature = inspect.signature(test)
    left = [parameter for name, parameter in signature.parameters.items() if name not in arguments]
    looped.__name__, looped.__qualname__ = test.__name__, test.__qualname__
    looped.__module__, looped.__doc__ = test.__module__, test.__doc__
    looped.__dict__.update(test.__dict__)
    looped.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]  # read by inspect
    return looped
