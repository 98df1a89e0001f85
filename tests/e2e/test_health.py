"""`destinations test` and `doctor` against a deployed stage of their own, which is broken here."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.__main__ import main
from local.app import STAGE, App, install, write_config
from local.process import ROOT, EmbeddedAws, cloud_python
from local.receivers import Receivers

Run = Callable[..., tuple[int, str, str]]
NAMES = [
    "audit-topic",
    "inventory-webhook",
    "on-call",
    "payments-slack",
    "platform-slack",
    "platform-slack/C0STOREFRONT",
    "security-jira",
    "security-mail",
]


@dataclass(frozen=True)
class Deployed:
    """A stage, and the file that it was deployed from."""

    app: App
    config: Path

    def secret(self, name: str) -> str:
        return f"ecr-scan-alerts/{STAGE}/{name}"

    def replace(self, name: str, value: str) -> str:
        """Store another value and return the one before."""
        client, secret = self.app.aws.client("secretsmanager"), self.secret(name)
        before = client.get_secret_value(SecretId=secret)["SecretString"]
        client.put_secret_value(SecretId=secret, SecretString=value)
        return str(before)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Deploy the demo's configuration: one destination of each kind."""
    if not (ROOT / "node_modules" / ".bin" / "osls").exists():
        pytest.skip("osls is not installed; run `make test`, which does that")
    cloud_python()
    folder = tmp_path_factory.mktemp("health")
    with EmbeddedAws(log=folder / "cloud.log") as aws, Receivers() as receivers:
        config = write_config(ROOT / "local" / "alerts.yml", receivers.url, folder / "alerts.yml")
        yield Deployed(install(aws, receivers, config), config)


@pytest.fixture
def run(
    deployed: Deployed, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Return the command with the credentials of the embedded AWS."""
    for name, value in deployed.app.aws.environment().items():
        monkeypatch.setenv(name, value)

    def command(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def test_every_destination_passes(deployed: Deployed, run: Run) -> None:
    """One TEST message each, through the function, and no row, thread or issue."""
    before = len(deployed.app.receivers.messages())

    code, out, _ = run("destinations", "test", "--all", "--stage", STAGE, "--format", "json")

    tested = json.loads(out)
    assert code == 0, out
    assert [each["destination"] for each in tested] == NAMES
    deployed.app.receivers.wait_for(before + len(NAMES) - 1, timeout=10)
    arrived = deployed.app.receivers.messages()[before:]
    assert all("TEST" in json.dumps(message.payload) for message in arrived)
    assert all(f"stage {STAGE}" in json.dumps(message.payload) for message in arrived)
    assert not deployed.app.rows()
    assert not deployed.app.receivers.messages("jira")
    assert not deployed.app.receivers.open_incidents


def test_wrong_secret_is_found(deployed: Deployed, run: Run) -> None:
    """The secret that is stored now counts, and not what the function has in its cache."""
    code, _, _ = run("destinations", "test", "on-call", "--stage", STAGE)
    assert code == 0
    right = deployed.replace("demo-pagerduty", "0" * 32)
    try:
        code, out, _ = run("destinations", "test", "on-call", "--stage", STAGE)
    finally:
        deployed.replace("demo-pagerduty", right)

    assert code == 1
    assert "FAILED" in out
    assert "Invalid routing key" in out
    assert "to do: The integration was removed" in out


def test_unknown_name_is_a_mistake(run: Run) -> None:
    """Nothing is sent, and the nearest name is offered."""
    code, _, err = run("destinations", "test", "on-cal", "--stage", STAGE)

    assert code == 2
    assert "did you mean on-call?" in err


def test_list_compares_file_and_stage(deployed: Deployed, run: Run, tmp_path: Path) -> None:
    """What is only in the file was not deployed yet, and the other way round."""
    other = tmp_path / "alerts.yml"
    other.write_text(deployed.config.read_text().replace("on-call", "nobody"))

    code, out, err = run("destinations", "list", "--stage", STAGE, "--config", str(other))

    assert code == 0
    assert "nobody" in out
    assert "nobody is not deployed" in err
    assert "on-call is deployed" in err


def test_jira_issue_of_a_test_is_deleted(run: Run) -> None:
    """`--create` goes all the way."""
    code, out, _ = run("destinations", "test", "security-jira", "--create", "--stage", STAGE)

    assert code == 0
    assert "was deleted again" in out


def test_tests_from_this_machine(deployed: Deployed, run: Run, monkeypatch: Any) -> None:
    """Without a stage secrets are read as they are written, with the operator's credentials."""
    monkeypatch.setenv("RECEIVER_HOSTS", "127.0.0.1")
    value = deployed.app.receivers.pagerduty_key("on-call")
    deployed.app.aws.client("secretsmanager").create_secret(
        Name="ecr-scan-alerts/demo-pagerduty", SecretString=value
    )

    code, out, _ = run("destinations", "test", "on-call", "--config", str(deployed.config))
    missing, text, _ = run(
        "destinations", "test", "platform-slack", "--config", str(deployed.config)
    )

    assert code == 0, out
    assert "an operator's machine" in out
    assert missing == 1
    assert "ResourceNotFoundException" in text
