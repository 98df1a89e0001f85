"""The deployed function `deliver`, invoked directly: it tests destinations with its own role."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from lib.bootstrap.clients import Clients
from lib.errors import DocumentError
from lib.flows.destination_test import request
from lib.models import Destination
from lib.models.diagnostics import Check, check_from_json
from lib.ports.notifiers import DestinationTest

_CONNECT_TIMEOUT: Final = 3
_READ_TIMEOUT: Final = 65
"""Seconds; a little more than the timeout of the function in serverless.yml."""
_OLDER: Final = "if it was deployed by an older version, `make deploy` brings it up to date"


class DeliverFunction:
    """Invokes the function once for each question: a repeat would send a second message."""

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients = clients
        self._name = name
        self._client: Any = None

    def destinations(self, test: DestinationTest) -> Sequence[Destination]:
        """Return the destinations of the configuration that is deployed."""
        return [Destination(name) for name in self._ask(None, test)["destinations"]]

    def test(self, destination: Destination, test: DestinationTest) -> Sequence[Check]:
        """Return what the function found. Raises `DocumentError` for what it does not know."""
        return [check_from_json(check) for check in self._ask(destination, test)["checks"]]

    def _ask(self, destination: Destination | None, test: DestinationTest) -> Mapping[str, Any]:
        payload = json.dumps(request(destination, test)).encode()
        response, answer = self._invoke(payload)
        if response.get("FunctionError") or not answer.keys() & {"checks", "destinations", "error"}:
            raise DocumentError(
                f"The function {self._name} did not answer the test: "
                f"{answer.get('errorMessage', 'no text')}. Its log says more; {_OLDER}"
            )
        if "error" in answer:
            raise DocumentError(f"The function {self._name}: {answer['error']}")
        return answer

    def _invoke(self, payload: bytes) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        from botocore.exceptions import ReadTimeoutError

        try:
            response = self._lambda().invoke(FunctionName=self._name, Payload=payload)
            return response, _parsed(response["Payload"].read())
        except ReadTimeoutError as error:
            raise DocumentError(
                f"The function {self._name} did not answer within {_READ_TIMEOUT} seconds; "
                "its log says more"
            ) from error

    def _lambda(self) -> Any:
        if self._client is None:
            from botocore.config import Config as BotoConfig

            self._client = self._clients.session.client(
                "lambda",
                config=BotoConfig(
                    connect_timeout=_CONNECT_TIMEOUT,
                    read_timeout=_READ_TIMEOUT,
                    retries={"total_max_attempts": 1, "mode": "standard"},
                ),
            )
        return self._client


def _parsed(payload: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(payload)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
