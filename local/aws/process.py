"""
The embedded AWS in a process of its own, for any Python.

    with EmbeddedAws() as aws:
        aws.client("ecr").create_repository(...)
        digest = aws.push("payments/api", "1.4.2", document)   # scan on push finds the document
        aws.calls()                                            # calls of ECR's scanning actions

It starts with an empty account. At the end its data, files and processes are removed.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import boto3
from botocore.config import Config

from local.aws.manifests import INDEX, MANIFEST, config_of, digest_of, index_of, manifest_of

ROOT: Final = Path(__file__).parents[2]
HOST: Final = "127.0.0.1"
ACCOUNT: Final = "000474600478"
REGION: Final = "eu-central-1"
SECRET: Final = "test"  # noqa: S105  # the root user's; signs links of S3
START_SECONDS: Final = 30.0
DOOR_SECONDS: Final = 10.0
"""Seconds for an answer of the control API."""
LONGEST_WAIT: Final = 5.0
"""Seconds of a single request that waits."""
ATTESTATION: Final = "unknown/unknown"
"""The platform of attestations in an index, as builders write it."""

Json = Any


class CloudError(Exception):
    """The embedded AWS did not start or answer. The text names the reason and the remedy."""


def cloud_python() -> Path:
    """Return the Python that has the embedded AWS. Raises `CloudError`."""
    python = Path(os.environ.get("CLOUD_PYTHON") or ROOT / ".build/venvs/cloud/bin/python")
    if not python.exists():
        raise CloudError(f"{python} does not exist; run `make test` or `make demo`, which make it")
    return python


class EmbeddedAws:
    """
    A context manager that runs the embedded AWS. It has one account and one region.

    `longest_delay` is the most that SQS delays a message, in seconds; None: as long as AWS does.
    """

    def __init__(
        self, *, log: Path | None = None, port: int = 0, longest_delay: float | None = None
    ) -> None:
        self.account = ACCOUNT
        self.region = REGION
        self.port = port
        self._log = log
        self._longest_delay = longest_delay
        self._folder = Path()
        self._process: subprocess.Popen[bytes] | None = None
        self._session = boto3.session.Session(
            # An access key of twelve digits belongs to the root user of that account.
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key=SECRET,
            region_name=REGION,
        )
        self._clients: dict[str, Any] = {}
        self._tagged_at: dict[str, int] = {}
        """The second of the last push of a tag, by repository."""

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="embedded-aws-"))
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    @property
    def endpoint(self) -> str:
        """The address of all services."""
        return f"http://{HOST}:{self.port}"

    @property
    def log(self) -> Path:
        """The log of the embedded AWS and its functions."""
        return self._log or self._folder / "cloud.log"

    def client(self, service: str) -> Any:
        """Return the boto3 client that all share; nobody may change how it reads answers."""
        if service not in self._clients:
            client = self.own_client(service)
            client.meta.events.register = partial(_register, client.meta.events.register)
            self._clients[service] = client
        return self._clients[service]

    def own_client(self, service: str) -> Any:
        """Return a boto3 client for one use, whose events may get handlers."""
        return self._session.client(
            service,  # type: ignore[call-overload]  # the name is a variable
            endpoint_url=self.endpoint,
            config=Config(retries={"total_max_attempts": 2}),
        )

    def environment(self) -> dict[str, str]:
        """Return the environment variables for a tool of the AWS SDK."""
        return {
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL": self.endpoint,
        }

    # --- images and their scans ---------------------------------------------------------------

    def record(
        self, repository: str, digest: str, document: Mapping[str, Json], **options: Json
    ) -> None:
        """
        Set the result of an image's next scan: a complete DescribeImageScanFindings document.

        Options: `scanner` ("basic", "enhanced"; default by the document's shape), `announced`
        (False: the event is lost), `not_found_calls` (ScanNotFoundException for that many calls).
        """
        self._script("/_recordings", repository, digest, document=document, options=options)

    def push(
        self,
        repository: str,
        tag: str | None = None,
        document: Mapping[str, Json] | None = None,
        *,
        content: str = "",
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        **options: Json,
    ) -> str:
        """
        Push an image, untagged without a `tag`, and return its digest.

        Its scan finds `document`; `options` as in `record`. The same repository, tag, content,
        labels and annotations give the same digest.
        """
        config = config_of(repository, tag, content, labels or {})
        manifest = manifest_of(config, annotations or {})
        digest = digest_of(manifest)
        if document is not None:
            self.record(repository, digest, document, **options)
        self._upload(repository, config)
        self._put(repository, tag, manifest, MANIFEST)
        return digest

    def _upload(self, repository: str, layer: str) -> None:
        ecr, content = self.client("ecr"), layer.encode()
        upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
        ecr.upload_layer_part(
            repositoryName=repository,
            uploadId=upload,
            partFirstByte=0,
            partLastByte=len(content) - 1,
            layerPartBlob=content,
        )
        ecr.complete_layer_upload(
            repositoryName=repository, uploadId=upload, layerDigests=[digest_of(layer)]
        )

    def push_index(
        self,
        repository: str,
        tag: str | None,
        members: Mapping[str, str],
        annotations: Mapping[str, str] | None = None,
    ) -> str:
        """
        Push an index of existing images, and return its digest.

        `members` maps digests to platforms ("linux/arm64"); "unknown/unknown" is an attestation.
        Equal members and annotations give the same digest.
        """
        manifest = index_of(members, annotations or {})
        self._put(repository, tag, manifest, INDEX)
        return digest_of(manifest)

    def _put(self, repository: str, tag: str | None, manifest: str, media_type: str) -> None:
        tagged = {} if tag is None else {"imageTag": tag}
        if tag is not None:
            self._wait_for_another_second(repository)
        self.client("ecr").put_image(
            repositoryName=repository,
            imageManifest=manifest,
            imageManifestMediaType=media_type,
            **tagged,
        )

    def _wait_for_another_second(self, repository: str) -> None:
        """Let no two tags of a repository be pushed in one second: times of ECR have no parts."""
        now = time.time()
        if self._tagged_at.get(repository) == int(now):
            time.sleep(int(now) + 1 - now)
        self._tagged_at[repository] = int(time.time())

    def date(self, repository: str, digest: str, pushed_at: datetime) -> None:
        """Set the push time of an image."""
        self._script("/_pushes", repository, digest, pushed_at=pushed_at.timestamp())
        # The second of its push is free again.
        self._tagged_at.pop(repository, None)

    def run(self, repository: str, digest: str, **services: int) -> None:
        """Let services of ECS in the cluster `prod` run an image, by Inspector; none: it stops."""
        rows = [
            {"cluster": "prod", "name": name, "tasks": tasks} for name, tasks in services.items()
        ]
        self._script("/_services", repository, digest, services=rows)

    def rescan(
        self,
        repository: str,
        digest: str,
        document: Mapping[str, Json] | None = None,
        **options: Json,
    ) -> None:
        """Scan an image again, regardless of the quota of one scan a day."""
        if document is not None:
            self.record(repository, digest, document, **options)
        self._script("/_scans", repository, digest)

    def find(self, repository: str, digest: str, finding: Mapping[str, Json]) -> None:
        """Have Inspector find a vulnerability in an image that was scanned before."""
        self._script("/_findings", repository, digest, finding=finding)

    def repeat_event(self, repository: str, digest: str) -> None:
        """Deliver the event of an image's last scan again: same id, same time."""
        self._script("/_events", repository, digest)

    def calls(self, action: str | None = None) -> list[dict[str, Json]]:
        """Return the calls of ECR's scanning actions so far. See `local.aws.ecr_scanning.Call`."""
        calls: list[dict[str, Json]] = self._door("GET", "/_calls")
        return [call for call in calls if action in (None, call["action"])]

    def message_counts(self) -> dict[str, int]:
        """
        Return the number of messages of each queue by its name, in flight and delayed ones, too.

        They are of one moment, and cost a fiftieth of what SQS is asked for one queue.
        """
        counts: dict[str, int] = self._door("GET", "/_messages")
        return counts

    def wait_until_empty(self, queues: Iterable[str], seconds: float) -> int:
        """
        Wait until these queues are empty together, and return how many messages they have.

        A single request, so it costs nothing to wait, and ends within a hundredth of a second.
        """
        names, deadline = list(queues), time.monotonic() + seconds
        while True:
            left = min(max(deadline - time.monotonic(), 0.0), LONGEST_WAIT)
            counts: dict[str, int] = self._door(
                "POST", "/_messages", {"queues": names, "seconds": left}
            )
            messages = sum(counts[name] for name in names)
            if not messages or left < LONGEST_WAIT:
                return messages

    def authorizations(self) -> list[dict[str, Json]]:
        """Return the decisions about roles: role, action, resource, and whether it was allowed."""
        answer: list[dict[str, Json]] = self._door("GET", "/_authorizations")
        return answer

    def forget_calls(self) -> None:
        """Clear the recorded calls."""
        self._door("DELETE", "/_calls")

    def _script(self, path: str, repository: str, digest: str, **more: Json) -> None:
        place = {"account": self.account, "region": self.region, "repository": repository}
        self._door("POST", path, {**place, "digest": digest, **more})

    def _door(self, method: str, path: str, document: Json = None) -> Json:
        with contextlib.closing(
            HTTPConnection(HOST, self.port, timeout=DOOR_SECONDS)
        ) as connection:
            connection.request(method, path, json.dumps(document, default=str))
            answer = connection.getresponse()
            body = json.loads(answer.read())
        if answer.status != HTTPStatus.OK:
            raise CloudError(f"{method} {path}: {body['message']}")
        return body

    # --- the process --------------------------------------------------------------------------

    def _start(self) -> None:
        self.port = self.port or free_port()
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command(),
                cwd=ROOT,
                env=self._clean_environment(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C does not stop it: `_stop` does.
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._healthy():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise CloudError(f"The embedded AWS did not start: {self._last_words()}")
            time.sleep(0.02)

    def _command(self) -> list[str]:
        command = [str(cloud_python()), "-m", "local.aws.cloud"]
        if self._longest_delay is not None:
            command.append(f"--longest-delay={self._longest_delay}")
        return command

    def _clean_environment(self) -> dict[str, str]:
        """Return the complete environment. Functions inherit it: it has nothing of the caller."""
        return {
            "PATH": os.defpath,
            "HOME": str(self._folder),
            "TMPDIR": str(self._folder),
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": HOST,
            "MINISTACK_HOST": HOST,
            "MINISTACK_ACCOUNT_ID": self.account,
            "MINISTACK_REGION": self.region,
            "LAMBDA_EXECUTOR": "local",
            # Each function runs under its own role.
            "AUTH": "true",
            # Unused listeners and container clean-up.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": "unix:///nonexistent",
        }

    def _healthy(self) -> bool:
        try:
            with contextlib.closing(HTTPConnection(HOST, self.port, timeout=1)) as connection:
                connection.request("GET", "/_ministack/health")
                return connection.getresponse().status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "its log is empty"

    def _stop(self) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        if self._process is not None:
            _end(self._process)
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)


def _register(register: Callable[..., None], event_name: str, *rest: Any, **options: Any) -> None:
    if event_name.startswith("before-parse"):
        raise RuntimeError(f"A handler of {event_name} needs a client of its own, `own_client`")
    register(event_name, *rest, **options)


def free_port() -> int:
    """Return an unused port of this machine."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its children: they keep nothing that has to be saved."""
    if process.stdin is not None:
        process.stdin.close()
    # It leads a session of its own, so this reaches only its children.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
