"""
One test for many cases: the failure names every case that fails, and shows the first one whole.

A case of `pytest.mark.parametrize` costs 2 ms beside its run, because each worker collects
and reports it. That is more than most cases take. Stay with `parametrize` where a case needs a
fresh fixture, or takes long.
"""

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import pytest

Test = Callable[..., None]
_LONGEST: Final = 60
"""Characters of a case in a failure."""


class CasesError(AssertionError):
    """The cases of a test that fail."""


def every(
    names: str | Sequence[str], cases: Iterable[Any], *, ids: Callable[[Any], Any] | None = None
) -> Callable[[Test], Test]:
    """
    Let a test take every case, as `pytest.mark.parametrize` would. The cases share fixtures.

    `ids`: the name of a value in a failure.
    """
    arguments = [name.strip() for name in names.split(",")] if isinstance(names, str) else [*names]
    sets = [_named(case, len(arguments), ids or repr) for case in cases]

    def decorated(test: Test) -> Test:
        def looped(*args: Any, **fixtures: Any) -> None:
            failures: list[tuple[str, BaseException]] = []
            for name, values in sets:
                case = dict(zip(arguments, values, strict=True))
                try:
                    test(*args, **fixtures, **case)
                except pytest.skip.Exception:
                    continue
                except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001  # named below
                    failures.append((name, error))
            if failures:
                raise CasesError(_words(failures, len(sets))) from failures[0][1]

        return _as(test, looped, arguments)

    return decorated


def _named(case: Any, many: int, name_of: Callable[[Any], Any]) -> tuple[str, Sequence[Any]]:
    """Return the name and the values of a case: values, a single one, or a `pytest.param`."""
    if isinstance(case, type(pytest.param())):
        values, name = case.values, case.id
    else:
        values, name = (tuple(case) if many > 1 else (case,)), None
    return name or ", ".join([str(name_of(value))[:_LONGEST] for value in values]), values


def _words(failures: Sequence[tuple[str, BaseException]], many: int) -> str:
    """Return the cases that fail, with the first line of each error."""
    lines = [f"{name}: {_short(error)}" for name, error in failures]
    return "\n  ".join([f"{len(failures)} of {many} cases fail:", *lines])


def _short(error: BaseException) -> str:
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
