"""
Clients of boto3 for a story: their calls end at the registry of the story instead of at AWS.

Requests are checked and written by boto3, as for AWS. A request that is the same as an earlier one
is not written again until the registry changes: an hourly pass over a quiet registry asks hundreds
of times, and a call of boto3 takes a millisecond.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from cli.simulation.images import Place

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.client import BaseClient

Json = Any
Answer = Callable[[str, Mapping[str, Json]], Json]
"""The answer to an operation with its request. Raises `Refusal`."""
_answering: ContextVar[Answer] = ContextVar("answering")
"""The registry that is asked now: a client of boto3 takes long to make, so that all share it."""


class Refusal(Exception):  # noqa: N818  # an answer of AWS
    """An error of AWS."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class StoryClient:
    """A client of a service in a region, with the operations, paginators and errors of boto3."""

    def __init__(
        self, service: str, place: Place, answer: Answer, answers: dict[tuple[Any, ...], Json]
    ) -> None:
        """Keep the answers in a mapping that the registry empties when it changes."""
        self._client = _client(service, place.region)
        self._place = (service, place.account, place.region)
        self._answer = answer
        self._answers = answers
        self.meta, self.exceptions = self._client.meta, self._client.exceptions

    def __getattr__(self, operation: str) -> Callable[..., Json]:
        """Return the method of an operation."""
        method = getattr(self._client, operation)
        return lambda **request: self._asked(operation, request, lambda: method(**request))

    def get_paginator(self, operation: str) -> "Pages":
        """Return the paginator of an operation. It reads all pages at once."""
        return Pages(
            lambda request: self._asked(
                f"pages of {operation}",
                request,
                lambda: list(self._client.get_paginator(operation).paginate(**request)),
            )
        )

    def _asked(self, name: str, request: Mapping[str, Json], ask: Callable[[], Json]) -> Json:
        """Return the answer to a question. An error is not remembered."""
        question = (*self._place, name, json.dumps(request, sort_keys=True))
        if question not in self._answers:
            token = _answering.set(self._answer)
            try:
                self._answers[question] = ask()
            finally:
                _answering.reset(token)
        return self._answers[question]


class Pages:
    """A paginator of one operation."""

    def __init__(self, read: Callable[[Mapping[str, Json]], Sequence[Json]]) -> None:
        self._read = read

    def paginate(self, **request: Json) -> Sequence[Json]:
        """Return the pages of a request."""
        return self._read(request)


class RememberingSource:
    """
    A source that reads an answer of the registry once, until the registry changes.

    To make images of pages takes an hourly pass longer than to decide about them.
    """

    def __init__(self, source: object, place: Place, answers: dict[tuple[Any, ...], Json]) -> None:
        """Keep what is read beside the answers, in the mapping that the registry empties."""
        self._source = source
        self._name = (type(source).__name__, place.account, place.region)
        self._answers = answers

    def __getattr__(self, method: str) -> Callable[..., Json]:
        """Return a method of the source. What it raises is not remembered."""
        read = getattr(self._source, method)

        def asked(*arguments: Json) -> Json:
            question = (*self._name, method, *map(_hashable, arguments))
            if question not in self._answers:
                answer = read(*arguments)
                self._answers[question] = (
                    tuple(answer) if isinstance(answer, Iterator | list) else answer
                )
            return self._answers[question]

        return asked


def _hashable(argument: Json) -> Json:
    return tuple(argument) if isinstance(argument, list) else argument


@cache
def _client(service: str, region: str) -> "BaseClient":
    """Return the client of all stories, which asks the registry that is asked now."""
    from botocore.config import Config

    options = Config(retries={"max_attempts": 1})
    client = _session(region).client(service, config=options)  # type: ignore[call-overload]
    client.meta.events.register(f"before-call.{service}", _answered)
    return client  # type: ignore[no-any-return]


@cache
def _session(region: str) -> "Session":
    """Return the session of a region: it reads the models of services once, for all stories."""
    from boto3.session import Session

    return Session(
        aws_access_key_id="simulated",
        aws_secret_access_key="simulated",  # noqa: S106  # it signs nothing
        region_name=region,
    )


def _answered(model: Any, params: Mapping[str, Json], **_: Any) -> tuple[Any, Json]:
    request = json.loads(params["body"] or b"{}")
    try:
        body = _answering.get()(model.name, request)
    except Refusal as refusal:
        error = {"Code": refusal.code, "Message": str(refusal)}
        return SimpleNamespace(status_code=400), {"Error": error, "ResponseMetadata": {}}
    return SimpleNamespace(status_code=200), {**body, "ResponseMetadata": {}}
