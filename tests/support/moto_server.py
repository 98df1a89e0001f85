"""
A second AWS for contract tests: moto's server in a process of its own.

It is written by other people than the embedded AWS, so the two seldom share a mistake. Where they
differ, AWS's documentation decides.
"""

import contextlib
import os
import subprocess
import time
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final, Self

import boto3
from botocore.config import Config

from local.aws.process import HOST, REGION, ROOT, free_port

PYTHON: Final = ROOT / ".build/venvs/moto/bin/python"
START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 5.0


class MotoError(Exception):
    """The server did not start; the text has its last line."""


class MotoServer:
    """A context manager: the server runs while it is open, and forgets everything at the end."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._port = free_port()
        command = [PYTHON, "-m", "moto.server", "--host", HOST, "--port", str(self._port)]
        environment = {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            # Queue URLs then lead here, and not to AWS.
            "MOTO_SQS_ENDPOINT_STRATEGY": "dynamic",
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            self._wait()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def client(self, service: str) -> Any:
        """Return a boto3 client; the same one for the same service."""
        if service not in self._clients:
            session = boto3.session.Session("key", "secret", region_name=REGION)
            self._clients[service] = session.client(
                service,  # type: ignore[call-overload]  # the name is a variable
                endpoint_url=f"http://{HOST}:{self._port}",
                config=Config(retries={"total_max_attempts": 2}),
            )
        return self._clients[service]

    def close(self) -> None:
        """Stop the server."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._healthy():
            ended = self._process is not None and self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                lines = self._log.read_text(errors="replace").strip().splitlines()
                raise MotoError(f"moto's server did not start: {lines[-1:]}")
            time.sleep(0.02)

    def _healthy(self) -> bool:
        try:
            with contextlib.closing(HTTPConnection(HOST, self._port, timeout=1)) as connection:
                connection.request("GET", "/moto-api/data.json")
                return connection.getresponse().status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False
