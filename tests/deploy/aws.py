"""A fake AWS: what each call answers, and which calls were made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final

from botocore.exceptions import ClientError

REGION: Final = "eu-west-1"


def refusal(code: str, message: str = "no", operation: str = "Call") -> ClientError:
    """Return an answer of AWS that is an error."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@dataclass
class FakeAws:
    """Answers by "service.operation": a document, an error, or a list with one for each call."""

    answers: dict[str, Any]
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __call__(self, service: str) -> "FakeClient":
        return FakeClient(self, service)

    def answer(self, name: str, request: Mapping[str, Any]) -> Any:
        """Return the next answer of an operation."""
        self.calls.append((name, dict(request)))
        found = self.answers[name]
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        if callable(found):
            found = found(**request)
        if isinstance(found, Exception):
            raise found
        return found

    def made(self, name: str) -> list[dict[str, Any]]:
        """Return the requests of an operation."""
        return [request for called, request in self.calls if called == name]


@dataclass
class FakeClient:
    """The client of one service."""

    aws: FakeAws
    service: str

    @property
    def meta(self) -> SimpleNamespace:
        """Return what a client says of itself."""
        return SimpleNamespace(region_name=REGION)

    def __getattr__(self, operation: str) -> Any:
        return lambda **request: self.aws.answer(f"{self.service}.{operation}", request)

    def get_paginator(self, operation: str) -> "FakePaginator":
        """Return pages: the answers, or the only one."""
        return FakePaginator(self, operation)


@dataclass
class FakePaginator:
    """The pages of one operation."""

    client: FakeClient
    operation: str

    def paginate(self, **request: Any) -> Iterator[Any]:
        """Yield the only page."""
        yield self.client.aws.answer(f"{self.client.service}.{self.operation}", request)
