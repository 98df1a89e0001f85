"""The reader of calls: what it follows, so that a role is not compared with too little."""

from pathlib import Path

import pytest

from tests.support.calls import Program

HANDLER = """
from lib.app import app


def handler(event, context):
    return work(app())


def work(application):
    for row in application.store.rows():
        row.read()
"""
APP = """
from functools import cached_property


class App:
    @cached_property
    def store(self):
        from lib.store import Store

        return Store(self._client)

    @cached_property
    def other(self):
        from lib.store import Other

        return Other(self._client)


def app():
    return App()
"""
STORE = """
class Base:
    def rows(self):
        return list(self._client.get_paginator("query").paginate())


class Store(Base):
    def __init__(self, client):
        self._client = client
        self._write()

    def _write(self):
        self._client.transact_write_items(TransactItems=[{"Put": {}}, {"Update": {}}])

    def unused(self):
        self._client.delete_item()


class Other:
    def read(self):
        self._client.get_object()
"""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    for name, text in {
        "handlers/work.py": HANDLER,
        "lib/app.py": APP,
        "lib/store.py": STORE,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return Program(tmp_path)


def test_calls_are_found_behind_properties_bases_and_private_methods(program: Program) -> None:
    """And no call of a class that the handler never makes, or of a method that nobody calls."""
    assert program.actions("handlers.work") == {
        "dynamodb:Query",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
    }
