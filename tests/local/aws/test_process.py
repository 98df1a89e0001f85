"""The embedded AWS as a process: it starts clean, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from local.aws.manifests import config_of, manifest_of
from local.aws.process import HOST, ROOT, CloudError, EmbeddedAws, cloud_python

PARENT = """
import sys, time
from local.aws.process import EmbeddedAws
with EmbeddedAws() as aws:
    print(aws.port, aws.log.parent, flush=True)
    time.sleep(60)
"""


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def ends(port: int) -> bool:
    """Wait for the port to close."""
    deadline = time.monotonic() + 10
    while listens(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def cloud(embedded_aws: EmbeddedAws) -> None:
    """Skip where the embedded AWS is not installed, as `embedded_aws` does."""


@pytest.mark.usefixtures("cloud")
def test_nothing_is_left_behind() -> None:
    """Files, process and port are gone when it ends, and the log with them."""
    with EmbeddedAws() as aws:
        aws.client("s3").list_buckets()
        folder = aws.log.parent
        before = (folder.exists(), listens(aws.port))

    assert before == (True, True)
    assert not folder.exists()
    assert not listens(aws.port)


@pytest.mark.usefixtures("cloud")
def test_it_ends_when_its_parent_is_killed() -> None:
    """No orphan, even when nobody can clean up any more."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        port, folder = parent.stdout.readline().split()
        os.kill(parent.pid, signal.SIGKILL)

    assert ends(int(port))
    for name in sorted(Path(folder).rglob("*"), reverse=True):
        # The port closes before its last file goes.
        name.rmdir() if name.is_dir() else name.unlink(missing_ok=True)
    Path(folder).rmdir()


def test_a_shared_client_reads_answers_for_all_alike() -> None:
    """Who wants them read otherwise takes a client of their own."""
    aws, event = EmbeddedAws(port=1), "before-parse.ecr"

    def read(**_: Any) -> None: ...

    with pytest.raises(RuntimeError, match=r"before-parse.ecr needs .* `own_client`"):
        aws.client("ecr").meta.events.register(event, read)
    aws.own_client("ecr").meta.events.register(event, read)
    aws.client("ecr").meta.events.register("before-call.ecr", read)

    assert aws.client("ecr") is aws.client("ecr")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.usefixtures("cloud")
def test_functions_see_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its environment becomes that of the functions, so it gets one of its own."""
    monkeypatch.setenv("OURS_ALONE", "not for functions")

    with EmbeddedAws() as aws:
        (owner,) = [
            entry
            for entry in Path("/proc").glob("[0-9]*/environ")
            if f"GATEWAY_PORT={aws.port}".encode() in _read(entry)
        ]
        variables = _read(owner)

    assert b"OURS_ALONE" not in variables
    assert b"AUTH=true" in variables


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_failed_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python without the embedded AWS fails with its own last words, and leaves nothing."""
    monkeypatch.setenv("CLOUD_PYTHON", sys.executable)
    aws = EmbeddedAws()

    with pytest.raises(CloudError, match="No module named 'ministack'"), aws:
        pass

    assert not aws.log.parent.exists()


def test_a_missing_installation_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The sentence names the command that sets it up."""
    monkeypatch.setenv("CLOUD_PYTHON", str(tmp_path / "python"))

    with pytest.raises(CloudError, match="run `make test` or `make demo`"):
        cloud_python()


def test_the_manifest_is_the_image() -> None:
    """Repository, tag, content, labels and annotations decide on the digest, and nothing else."""
    none: dict[str, str] = {}
    subjects = [
        ("payments/api", "1", "", none, none),
        ("payments/api", "1", "other content", none, none),
        ("payments/api", None, "", none, none),
        ("payments/web", "1", "", none, none),
        ("payments/api", "1", "", {"a": "b"}, none),
        ("payments/api", "1", "", none, {"a": "b"}),
    ]

    manifests = {manifest_of(config_of(*subject[:4]), subject[4]) for subject in subjects * 2}

    assert len(manifests) == len(subjects)
