"""
Processes of functions, forked from one that has the libraries of their code.

Used by `local.aws.cloud` only, with private names of ministack as there. Ministack starts a new
Python for each environment of a function, and most of its start is the import of modules. Here a
template, a process for each zip, imports them once, with the versions of that zip, and each
environment is a fork of it. It begins as a new process does: no module was imported that reads the
environment, no client was made, and `random` is seeded again. What botocore knows of the services
is read already.

This file is the program of a template, too:

    python function_processes.py SOCKET CODE    # a handle, and the folder of the unpacked zip

On Linux only: elsewhere a process has no handle, and libraries of macOS break in a fork.
"""

import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import traceback
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from types import ModuleType, SimpleNamespace
from typing import IO, Any, Final

LIBRARIES: Final = ("boto3", "jsonschema", "requests")
"""What a template imports. Powertools reads its settings from the environment at import."""
OWN: Final = (
    "lib.config",
    "lib.flows.digests",
    "lib.flows.images",
    "lib.flows.notifying",
    "lib.flows.repository_checks",
    "lib.flows.rounds",
    "lib.http_client",
    "lib.messages.digest",
    "lib.normalizer.events",
    "lib.notifiers",
    "lib.page",
    "lib.sources.ecr",
    "lib.sources.repositories",
    "lib.store.images",
    "lib.store.notifications",
    "lib.store.publications",
    "lib.store.queues",
    "lib.store.stream_objects",
    "lib.store.streams",
)
"""Modules of this project that most functions import. Nothing below them reads the environment."""
SERVICES: Final = ("dynamodb", "s3", "sqs", "ecr")
"""AWS services that functions of this project call."""
EARLY: Final = frozenset({"AWS_NEW_RETRIES_2026", "HOME", "LANG", "TZ"})
"""Variables that Python or these libraries read once, when they start."""
EARLY_PREFIXES: Final = ("LC_", "LD_", "PYTHON")
ENDED: Final = 0
"""In place of an exit code, which only the parent of a process learns."""
LONGEST_REQUEST: Final = 200_000
"""Bytes. All variables of a function are 4 KB at most."""


class ForkedProcess:
    """A process of which another one is the parent, with what ministack asks of a `Popen`."""

    def __init__(self, pid: int, handle: int, streams: Sequence[IO[str]]) -> None:
        self.pid = pid
        self.stdin, self.stdout, self.stderr = streams
        self._handle = handle
        weakref.finalize(self, os.close, handle)

    def poll(self) -> int | None:
        """Return None while the process runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end. Raises `subprocess.TimeoutExpired`; `timeout` in seconds."""
        ended = self._ended(timeout)
        if ended is None:
            raise subprocess.TimeoutExpired("a function", timeout or 0.0)
        return ended

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)

    def _ended(self, timeout: float | None) -> int | None:
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        return ENDED if poll.poll(None if timeout is None else timeout * 1000) else None


class Templates:
    """The templates of one embedded AWS, by the folder of their code."""

    def __init__(self) -> None:
        self._sockets: dict[str, socket.socket] = {}
        self._lock = Lock()

    def start(
        self, command: Sequence[str], *, cwd: str, env: Mapping[str, str], **options: Any
    ) -> Any:
        """Fork a process of Python, and start another one, or what is set up otherwise, anew."""
        if command[0] == sys.executable and not sets_early(env):
            return self._fork(command[1], cwd, env)
        return subprocess.Popen(command, cwd=cwd, env=env, **options)

    def _fork(self, script: str, folder: str, env: Mapping[str, str]) -> ForkedProcess:
        """Have a script run in a fork. Raises `OSError` if there was none; the next call has."""
        code = str(Path(folder).resolve())
        request = json.dumps({"script": script, "folder": folder, "environment": dict(env)})
        ends = [os.pipe() for _ in range(3)]
        (their_input, our_input), (our_output, their_output), (our_errors, their_errors) = ends
        streams = (
            open(our_input, "w", buffering=1, encoding="utf-8"),  # noqa: PTH123, SIM115  # a handle
            open(our_output, encoding="utf-8"),  # noqa: PTH123, SIM115  # same
            open(our_errors, encoding="utf-8"),  # noqa: PTH123, SIM115  # same
        )
        answers, door = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        theirs = [their_input, their_output, their_errors, door.fileno()]
        with answers:
            try:
                socket.send_fds(self._template(code), [request.encode()], theirs)
            except OSError:
                self._forget(code)
                raise
            finally:
                door.close()
                for handle in theirs[:3]:
                    os.close(handle)
            pid, handles, _, _ = socket.recv_fds(answers, 100, 1)
        if not handles:
            self._forget(code)
            raise ChildProcessError(f"no process for {script}: its template has ended")
        return ForkedProcess(int(pid), handles[0], streams)

    def _template(self, code: str) -> socket.socket:
        with self._lock:
            if code not in self._sockets:
                ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                with theirs:
                    subprocess.Popen(
                        [sys.executable, __file__, str(theirs.fileno()), code],
                        cwd=code,
                        stdin=subprocess.DEVNULL,
                        pass_fds=[theirs.fileno()],
                    )
                self._sockets[code] = ours
            return self._sockets[code]

    def _forget(self, code: str) -> None:
        with self._lock:
            forgotten = self._sockets.pop(code, None)
        if forgotten is not None:
            forgotten.close()


def sets_early(environment: Mapping[str, str]) -> bool:
    """Return whether a function sets a variable that a template has read already."""
    return any(
        (name in EARLY or name.startswith(EARLY_PREFIXES)) and os.environ.get(name) != value
        for name, value in environment.items()
    )


def install(runtime: ModuleType) -> None:
    """Let a module, ministack's, fork the environments of functions."""
    if sys.platform != "linux":
        return
    workers: Any = runtime
    workers.subprocess = SimpleNamespace(
        Popen=Templates().start,
        PIPE=subprocess.PIPE,
        STDOUT=subprocess.STDOUT,
        DEVNULL=subprocess.DEVNULL,
        TimeoutExpired=subprocess.TimeoutExpired,
    )


# --- the program of a template --------------------------------------------------------------------


def serve(requests: socket.socket, code: str) -> None:
    """Import the libraries, and fork an environment for each request, until there are no more."""
    # In place of the folder of this file.
    sys.path[0] = code
    for name in (*LIBRARIES, *OWN):
        with suppress(ImportError):
            importlib.import_module(name)
    with suppress(ImportError):
        share_loader()
    while True:
        message, handles, _, _ = socket.recv_fds(requests, LONGEST_REQUEST, 4)
        if not message:
            return
        reap()
        if os.fork() == 0:
            requests.close()
            run(json.loads(message), handles)
        for handle in handles:
            os.close(handle)


def share_loader() -> None:
    """Have all sessions of botocore take the data of its services from one loader, and read it."""
    import botocore.loaders
    import botocore.session

    create = botocore.loaders.create_loader
    loader = create()
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        loader.load_data(name)
    for service in SERVICES:
        loader.load_service_model(service, "service-2")
        loader.load_service_model(service, "endpoint-rule-set-1")
    sessions: Any = botocore.session
    sessions.create_loader = lambda path=None: create(path) if path else loader


def reap() -> None:
    """Let go of the environments that have ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def run(request: Mapping[str, Any], handles: Sequence[int]) -> None:
    """Become an environment: run the script of a request, and end with it."""
    code = 1
    try:
        for stream, handle in enumerate(handles[:3]):
            os.dup2(handle, stream)
        with socket.socket(fileno=handles[3]) as door:
            own = os.pidfd_open(os.getpid())
            socket.send_fds(door, [str(os.getpid()).encode()], [own])
            os.close(own)
        for handle in handles[:3]:
            os.close(handle)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        sys.argv = [request["script"]]
        sys.path[0] = str(Path(request["script"]).parent)
        runpy.run_path(request["script"], run_name="__main__")
        code = 0
    except BaseException:  # noqa: BLE001  # as Python does for a script
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Not back into the loop of the template.
        os._exit(code)


def main() -> None:
    """Serve the socket and the code of the command line."""
    handle, code = sys.argv[1:]
    with socket.socket(fileno=int(handle)) as requests:
        serve(requests, code)


if __name__ == "__main__":
    main()
