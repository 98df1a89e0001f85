"""The demo's parts: what it needs, what it leaves alone, and how it ends."""

import signal
import threading
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import ReadTimeoutError

from cli.alerts_file import check_file, read
from local.aws.process import ROOT
from local.demo.__main__ import (
    PORT,
    DemoError,
    _interrupted,
    check_prerequisites,
    folder_of,
    keep_sweeping,
    leave_the_users_aws_alone,
    main,
)
from local.demo.app import write_config

ALERTS = ROOT / "local" / "alerts.yml"


def test_the_rules_of_the_demo_have_no_problem() -> None:
    """Not even a warning: it is what newcomers look at first."""
    assert check_file(ALERTS, today=datetime.now(UTC).date()) == ()


def test_the_rules_get_the_address_of_the_receivers(tmp_path: Path) -> None:
    """The Jira site of the written file is the given one, and the rest stays."""
    written = write_config(ALERTS, "http://127.0.0.1:4711", tmp_path / "demo" / "alerts.yml")

    document = read(written).document
    assert document["destinations"]["security-jira"]["site"] == "http://127.0.0.1:4711"
    assert document["routes"] == read(ALERTS).document["routes"]


def test_what_the_demo_accepts_ends_within_a_quarter(tmp_path: Path) -> None:
    """As readers of its messages would have it: a risk until 2099 is nobody's example."""
    written = write_config(ALERTS, "http://127.0.0.1:4711", tmp_path / "alerts.yml")

    today = datetime.now(UTC).date()
    (suppression,) = read(written).document["suppressions"]
    assert 0 < (date.fromisoformat(suppression["expires"]) - today).days <= 90


def test_a_second_demo_has_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would change the file that the first one's commands read."""
    monkeypatch.setattr("local.demo.__main__.FOLDER", tmp_path / "demo")
    first, second = (
        folder_of(SimpleNamespace(port=port))  # type: ignore[arg-type]  # as much as is used
        for port in (PORT, PORT + 1)
    )

    assert (first.name, second.name) == ("demo", f"demo-{PORT + 1}")
    assert first.is_dir()
    assert second.is_dir()


def test_the_users_aws_is_left_alone() -> None:
    """No credentials, profile or endpoint of the user, and no proxy for this machine."""
    environment = {
        "AWS_PROFILE": "prod",
        "AWS_ENDPOINT_URL": "https://x",
        "NO_PROXY": "a",
        "B": "c",
    }

    leave_the_users_aws_alone(environment)

    assert environment == {
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "a,127.0.0.1",
        "no_proxy": "127.0.0.1",
        "B": "c",
    }


def test_a_missing_node_is_one_clear_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The sentence says what is needed, what for, and where to get it."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(DemoError, match=r"Node\.js 20 .* is needed .*https://nodejs\.org"):
        check_prerequisites()


def test_what_is_missing_ends_the_demo_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, and exit code 1."""
    monkeypatch.setenv("PATH", str(tmp_path))

    code = main(["--once", "--no-browser"])

    assert code == 1
    assert "Node.js 20" in capsys.readouterr().out


def test_an_interrupted_demo_says_at_once_that_it_stops(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its processes take some seconds to end, in which a second signal does nothing."""
    ignored = []
    monkeypatch.setattr(signal, "signal", lambda number, _: ignored.append(number))

    with pytest.raises(KeyboardInterrupt):
        _interrupted()

    assert ignored == [signal.SIGINT, signal.SIGTERM]
    assert "Stopping …" in capfd.readouterr().out


def test_a_demo_that_goes_on_keeps_sweeping() -> None:
    """As the schedules do in AWS: digests follow hourly. One that fails is no end."""
    ended = threading.Event()
    sweeps, digests = [], []

    def sweep() -> None:
        sweeps.append(1)
        raise ReadTimeoutError(endpoint_url="http://127.0.0.1")

    def send_digests() -> None:
        digests.append(len(sweeps))
        if len(digests) == 2:
            ended.set()
        raise ReadTimeoutError(endpoint_url="http://127.0.0.1")

    keep_sweeping(sweep, ended, every=0, hourly=send_digests)

    assert digests == [60, 120]
