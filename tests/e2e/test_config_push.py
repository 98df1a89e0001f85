"""A push of alerts.yml reaches the functions and every open stream, without a deployment."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli.__main__ import main
from lib.flows import destination_test
from lib.ports.notifiers import DestinationTest
from lib.store.publications import KEY
from local.aws.process import ROOT, EmbeddedAws
from local.demo.app import STAGE, App, install
from local.standins.server import Receivers
from tests.e2e.test_alerts import PATIENCE, basic, rows_about
from tests.support.cloud_fixtures import quick_aws

ALERTS = """\
version: 1
destinations:
  team-slack: {type: slack, webhook: {secret: ecr-scan-alerts/team}}
routes:
  - {name: all, severity: CRITICAL, notify: [team-slack]}
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, embedded_aws: EmbeddedAws) -> Iterator[App]:  # noqa: ARG001  # skips where there is none
    """Deploy into an account of its own."""
    if not (ROOT / "node_modules" / ".bin" / "osls").exists():
        pytest.skip("osls is not installed; run `make test`, which does that")
    folder = tmp_path_factory.mktemp("push")
    (folder / "alerts.yml").write_text(ALERTS)
    with quick_aws(folder / "cloud.log") as aws, Receivers() as receivers:
        yield install(aws, receivers, folder / "alerts.yml")


@pytest.fixture
def config(
    app: App,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Return the command `config`, which takes the text of the file."""
    for name, value in app.aws.environment().items():
        monkeypatch.setenv(name, value)

    def command(action: str, *arguments: str, alerts: str = "") -> tuple[int, str, str]:
        file = tmp_path / "alerts.yml"
        file.write_text(alerts)
        named = ("--config", str(file)) if alerts else ()
        code = main(["config", action, *arguments, *named, "--stage", STAGE])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def invoke(app: App, function: str) -> Any:
    answer = app.aws.client("lambda").invoke(FunctionName=f"{app.stack.name}-{function}")
    return json.loads(answer["Payload"].read())


def swept_until(app: App, condition: Callable[[], Any]) -> Any:
    """Run the sweep as the scheduler does, until a condition holds."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        invoke(app, "sweep")
        if result := condition():
            return result
        time.sleep(0.2)
    pytest.fail("the condition never held")


def test_a_push_reaches_open_streams_and_new_alerts(app: App, config: Run) -> None:
    """Under the roles of the functions; a rollback restores what was there before."""
    app.aws.client("ecr").create_repository(
        repositoryName="team/open", imageScanningConfiguration={"scanOnPush": True}
    )
    app.aws.push("team/open", "1.0.0", basic("CVE-2026-0001"))
    app.wait_until_quiet()
    invoke(app, "sweep")
    assert not rows_about(app, "team/open")

    code, out, err = config("push", "--note", "more", alerts=ALERTS.replace("CRITICAL", "LOW"))
    assert code == 0, out + err
    (row,) = swept_until(app, lambda: rows_about(app, "team/open"))
    assert row.destination == "team-slack"

    # Two within the wait are one change for the streams, and functions follow the last one.
    assert config("push", alerts=ALERTS.replace("CRITICAL", "MEDIUM"))[0] == 0
    code, out, _ = config("rollback", "1")
    assert code == 0
    assert "severity: MEDIUM -> LOW" in out
    entries = json.loads(config("history", "--format", "json")[1])
    assert [entry["number"] for entry in entries] == [3, 2, 1]
    assert all(entry["by"].startswith("arn:aws:") for entry in entries)


def test_what_is_broken_is_never_taken(app: App, config: Run) -> None:
    """Functions keep the last good file, a new process the packaged one; the next push repairs."""
    low = ALERTS.replace("CRITICAL", "LOW").replace("team-slack", "other-slack")
    assert config("push", alerts=low)[0] == 0
    swept_until(app, lambda: destinations(app) == ["other-slack"])
    bucket = app.stack.outputs["ConfigBucketName"]
    app.aws.client("s3").put_object(Bucket=bucket, Key=KEY, Body=b"broken")

    assert destinations(app) in (["other-slack"], ["team-slack"])

    code, _, err = config("push", alerts=ALERTS)
    assert code == 0
    assert "is broken, and is replaced" in err
    swept_until(app, lambda: destinations(app) == ["team-slack"])


def destinations(app: App) -> Any:
    """Return the destinations that `deliver` knows, or its whole answer where it names none."""
    test = DestinationTest("test-1", datetime.now(UTC), "a test", send=False)
    request = json.dumps(destination_test.request(None, test))
    answer = app.aws.client("lambda").invoke(
        FunctionName=f"{app.stack.name}-deliver", Payload=request.encode()
    )
    result = json.loads(answer["Payload"].read())
    return result.get("destinations", result)
