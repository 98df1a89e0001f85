"""
A pytest plugin: the tracer of coverage runs in tests and fixtures alone, where their lines count.

It makes Python 2.4 times slower, also the Python of pytest: collecting 13,600 tests and reporting
their results took longer with it than half of the tests do. The marker `no_cover` of pytest-cov
changes none of that: in the workers of xdist a second tracer goes on.
"""

import importlib
import pkgutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final

import pytest
from boto3.session import Session as Boto3Session
from botocore.session import Session
from coverage import Coverage
from ruamel.yaml.composer import Composer

MEASURED: Final = ("handlers", "lib", "cli")
"""The packages of [tool.coverage.run] in pyproject.toml."""
NONE: Final = (None, None)


def is_traced() -> bool:
    """Return whether the tracer of coverage sees the caller. Python 3.14 has none to see."""
    return type(sys.gettrace()).__module__.partition(".")[0] == "coverage"


class Tracing:
    """The tracer of a test process: off while pytest works, on while a test does."""

    def __init__(self) -> None:
        self._tracers: tuple[Any, Any] = NONE
        self._counts = True

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self, session: pytest.Session) -> Iterator[None]:
        """Import what is measured with the tracer, and collect the tests without it."""
        if is_traced():
            lock_in_c()
            leave_alone(Session, "create_client")
            leave_alone(Boto3Session, "__init__")
            leave_alone(Composer, "get_single_node")
            if not session.config.pluginmanager.hasplugin("dsession"):
                import_measured()
        with self._off():
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Iterator[None]:
        """Keep the tracer away from all that stands around the tests."""
        with self._off():
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Decide whether the lines of a test count."""
        self._counts = item.get_closest_marker("untraced") is None
        return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_fixture_setup(self) -> Iterator[Any]:
        """Trace a fixture of a test whose lines count."""
        with self._on():
            return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_pyfunc_call(self) -> Iterator[Any]:
        """Trace a test whose lines count."""
        with self._on():
            return (yield)

    @contextmanager
    def _off(self) -> Iterator[None]:
        if not is_traced():
            yield
            return
        self._tracers = sys.gettrace(), threading.gettrace()
        _trace(NONE)
        try:
            yield
        finally:
            _trace(self._tracers)
            self._tracers = NONE

    @contextmanager
    def _on(self) -> Iterator[None]:
        if not self._counts or self._tracers is NONE:
            yield
            return
        _trace(self._tracers)
        try:
            yield
        finally:
            _trace(NONE)


def lock_in_c() -> None:
    """
    Have the tracer call the lock around its data, which is C, and not two methods in Python.

    It does so for each call of a measured function.
    """
    collector = getattr(Coverage.current(), "_collector", None)
    lock = getattr(collector, "data_lock", None)
    if lock is None:
        return
    for owner in (collector, *collector.tracers):
        owner.lock_data, owner.unlock_data = lock.acquire, lock.release


def leave_alone(owner: type, name: str) -> None:
    """Run a method of a library without the tracer. It takes long, and calls nothing of ours."""
    method = getattr(owner, name)

    @wraps(method)
    def untraced(*args: Any, **options: Any) -> Any:
        if not is_traced():
            return method(*args, **options)
        tracer = sys.gettrace()
        sys.settrace(None)
        try:
            return method(*args, **options)
        finally:
            sys.settrace(tracer)

    setattr(owner, name, untraced)


def import_measured() -> None:
    """Import every module that is measured: otherwise the first import would run untraced."""
    for name in MEASURED:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            importlib.import_module(module.name)


def _trace(tracers: tuple[Any, Any]) -> None:
    sys.settrace(tracers[0])
    threading.settrace(tracers[1])
