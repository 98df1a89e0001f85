"""
The Runtime API of Lambda, as far as a function needs it, to run a package as Lambda does.

AWS's own client, awslambdaric, asks here for events and answers here.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

    with RunningFunction(task_root, "handlers/sweep.handler", python) as function:
        outcome = function.invoke({})
"""

import json
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

Json = Any

_NEXT: Final = "/2018-06-01/runtime/invocation/next"
_ANSWER: Final = re.compile(r"/2018-06-01/runtime/(?:invocation/[^/]+|init)/(response|error)")


class FunctionError(Exception):
    """A function did not answer; the text holds its log."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a function answered, or how it failed, and after how many seconds."""

    payload: Json
    error: Json
    seconds: float


class _Desk(ThreadingHTTPServer):
    """Events go out, answers come in."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Clerk)
        self.events: queue.Queue[tuple[str, Json] | None] = queue.Queue()
        self.answers: queue.Queue[tuple[str, Json]] = queue.Queue()
        self.deadline_seconds = 30.0

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing about a function that was stopped in the middle of a connection."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Clerk(BaseHTTPRequestHandler):
    """One connection of the runtime client."""

    server: _Desk
    protocol_version = "HTTP/1.1"
    # Whole answers at once: the client waits for each part of one.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Hand out the next event, whenever there is one."""
        waiting = self.server.events.get() if self.path == _NEXT else None
        if waiting is None:
            self.close_connection = True
            return
        request_id, event = waiting
        deadline = time.time() + self.server.deadline_seconds
        self._reply(
            HTTPStatus.OK,
            json.dumps(event).encode(),
            {
                "Lambda-Runtime-Aws-Request-Id": request_id,
                "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:0:function:f",
            },
        )

    def do_POST(self) -> None:
        """Take an answer or an error."""
        kind = _ANSWER.fullmatch(self.path)
        body = json.loads(self._body() or b"null")
        self._reply(HTTPStatus.ACCEPTED, b"{}", {})
        self.server.answers.put((kind[1] if kind else "error", body))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # named by its base
        """Say nothing."""

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length")
        return self.rfile.read(int(length)) if length else self._chunks()

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _reply(self, status: HTTPStatus, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class RunningFunction:
    """A function of an unpacked zip under AWS's runtime client, in a process of its own."""

    def __init__(
        self,
        task_root: Path,
        handler: str,
        python: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._task_root = task_root
        self._handler = handler
        self._python = python
        self._environment = environment or {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            self._desk = opened.enter_context(_Desk())
            served = threading.Thread(target=self._desk.serve_forever, args=(0.05,))
            served.start()
            opened.callback(served.join)
            opened.callback(self._desk.shutdown)
            self._log = opened.enter_context(tempfile.TemporaryFile("w+"))
            self._process = self._start()
            opened.callback(self._stop)
            self._open = opened.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def invoke(self, event: Json, *, timeout: float = 30.0) -> Outcome:
        """
        Send an event and wait for the answer; the first one waits for the start, too.

        Raises `FunctionError` when none comes in time.
        """
        started = time.perf_counter()
        self._desk.events.put((str(uuid.uuid4()), event))
        try:
            kind, body = self._desk.answers.get(timeout=timeout)
        except queue.Empty:
            raise FunctionError(f"no answer within {timeout} s; it said:\n{self.log()}") from None
        seconds = time.perf_counter() - started
        return Outcome(body, None, seconds) if kind == "response" else Outcome(None, body, seconds)

    def log(self) -> str:
        """Return what the function has written so far."""
        self._log.seek(0)
        return self._log.read()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [self._python, "-B", "-m", "awslambdaric", self._handler],
            # The client looks for handlers where it was started, as in Lambda.
            cwd=self._task_root,
            env={
                "PATH": os.environ["PATH"],
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._desk.server_port}",
                "LAMBDA_TASK_ROOT": str(self._task_root),
                "_HANDLER": self._handler,
                "AWS_LAMBDA_FUNCTION_NAME": "f",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
                "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
                "AWS_REGION": "eu-central-1",
                "AWS_DEFAULT_REGION": "eu-central-1",
                "AWS_ACCESS_KEY_ID": "none",
                "AWS_SECRET_ACCESS_KEY": "none",
                **self._environment,
            },
            stdout=self._log,
            stderr=self._log,
        )

    def _stop(self) -> None:
        self._process.kill()
        self._process.wait()
        # Whoever still waits for an event goes home.
        self._desk.events.put(None)
