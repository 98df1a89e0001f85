"""Answers of a receiver as `requests` returns them, without a socket."""

import io
from collections.abc import Mapping

import requests
from urllib3 import HTTPResponse


def an_answer(
    status: int, body: bytes | io.BytesIO = b"", headers: Mapping[str, str] | None = None
) -> requests.Response:
    """Return an answer whose body was not read yet."""
    content = body if isinstance(body, io.BytesIO) else io.BytesIO(body)
    response = requests.Response()
    response.status_code = status
    response.headers.update(headers or {})
    response.raw = HTTPResponse(
        body=content, status=status, headers=headers, preload_content=False, decode_content=False
    )
    return response
