"""The operator's own AWS: profile and region as asked for, calls shown with --verbose."""

import argparse
import os
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from cli.parser import is_stage_name
from cli.terminal import print_error
from lib.bootstrap.clients import Clients
from lib.errors import ConfigError

if TYPE_CHECKING:
    from boto3.session import Session

Connect = Callable[..., Clients]
"""Makes the clients of one command from a region, a profile, and whether to show the calls."""

_ATTEMPTS: Final = 2
"""Repeats of a call. A person waits: fewer than in a function, which nobody watches."""
_ERROR: Final = 300
"""The first status that botocore takes for an error."""
SERVICE: Final = "Service"
"""Where the metadata of an answer names the service that gave it, as IAM calls it."""


class OperatorClients(Clients):
    """AWS clients with the operator's credentials."""

    def __init__(
        self,
        *,
        region: str | None = None,
        profile: str | None = None,
        verbose: bool = False,
        environment: Mapping[str, str] = os.environ,
        attempts: int = _ATTEMPTS,
        read_timeout: float | None = None,
    ) -> None:
        # boto3 reads AWS_DEFAULT_REGION only.
        super().__init__(
            region=region or environment.get("AWS_REGION") or None,
            attempts=attempts,
            read_timeout=read_timeout,
        )
        self._profile = profile
        self._verbose = verbose

    @cached_property
    def session(self) -> "Session":
        """The one session. Raises botocore's errors for a profile that does not exist."""
        import boto3
        from botocore.exceptions import NoRegionError

        session = boto3.session.Session(region_name=self._region, profile_name=self._profile)
        if session.region_name == "":
            # An empty variable is a region to boto3.
            raise NoRegionError
        session.events.register("before-parse", _refuse_page)
        session.events.register("after-call", _refuse_error_page)
        session.events.register("after-call", _name_service)
        if self._verbose:
            session.events.register("before-call", _start_clock)
            session.events.register("after-call", _show_call)
        return session

    def get(self, service: str, region: str | None = None) -> Any:
        """See `Clients.get`. Raises `ConfigError` for a region or endpoint that cannot be one."""
        try:
            return super().get(service, region)
        except ValueError as error:
            # botocore quotes the address, which may come from AWS_ENDPOINT_URL.
            raise ConfigError(
                f"AWS cannot be called: {error}. Check --region, AWS_REGION and AWS_ENDPOINT_URL"
            ) from error


def connected(
    options: argparse.Namespace, connect: Connect, *, region: str | None = None
) -> Clients:
    """
    Return the clients of a command.

    The region is the first of: --region, `region` (of an image's address), that of the stage's
    file, AWS_REGION, AWS_DEFAULT_REGION, that of the profile.
    """
    place = options.region or region
    if place is None and options.stage and is_stage_name(options.stage):
        # The YAML parser takes a while to load.
        from cli.stage_file import find_stage

        file = find_stage(options.stage)
        place = None if file is None else file.region
    return connect(region=place, profile=options.profile, verbose=options.verbose)


def _name_service(parsed: dict[str, Any], model: Any, **_: Any) -> None:
    """Name the service in its answer: an error of botocore names the operation only."""
    service = model.service_model
    parsed.setdefault("ResponseMetadata", {})[SERVICE] = service.signing_name


def _refuse_page(operation_model: Any, response_dict: Mapping[str, Any], **_: Any) -> None:
    """Refuse a web page that something else answered with: botocore would look for results."""
    # Errors are tried again first, and a stream is not read twice.
    if response_dict["status_code"] < _ERROR and not operation_model.has_streaming_output:
        _require_answer(response_dict["body"])


def _refuse_error_page(http_response: Any, **_: Any) -> None:
    if http_response.status_code >= _ERROR:
        _require_answer(http_response.content)


def _require_answer(body: bytes) -> None:
    from botocore.parsers import ResponseParserError

    if body[:100].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise ResponseParserError("the answer is a web page")


def _start_clock(context: dict[str, Any], **_: Any) -> None:
    context["started"] = time.monotonic()


def _show_call(
    http_response: Any, parsed: dict[str, Any], model: Any, context: dict[str, Any], **_: Any
) -> None:
    """Show a call without its content, which may hold a secret."""
    service = model.service_model.signing_name
    request = parsed.get("ResponseMetadata", {}).get("RequestId", "")
    code = parsed.get("Error", {}).get("Code", "")
    seconds = time.monotonic() - context["started"]
    words = (f"aws: {service}:{model.name}", str(http_response.status_code), code, request)
    print_error(" ".join((*filter(None, words), f"{seconds:.2f} s")))
