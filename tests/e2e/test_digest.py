"""Digests as deployed: under the function's own role, sent by deliver to every kind of receiver."""

import io
import json
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import boto3
import pytest

from cli.__main__ import parser
from cli.alerts_file import load_file
from cli.commands import digest as command
from lib.bootstrap.app import App as Process
from lib.bootstrap.clients import Clients
from lib.bootstrap.settings import Settings
from lib.core.schedule import Schedule
from lib.flows.syncs import SyncOutcome
from lib.models import Destination
from local.aws.process import ACCOUNT, SECRET
from local.demo.app import App
from tests.e2e.conftest import ALERTS
from tests.e2e.test_alerts import basic

EVERYWHERE = tuple(map(Destination, ("team-slack", "security-jira", "mail", "audit")))


def under_its_role(app: App, function: str, now: datetime, alerts: Path = ALERTS) -> Process:
    """Return a process with the settings and the rights that a function has."""
    configuration = app.aws.client("lambda").get_function_configuration(
        FunctionName=f"{app.stack.name}-{function}"
    )
    held = app.aws.client("sts").assume_role(RoleArn=configuration["Role"], RoleSessionName="test")[
        "Credentials"
    ]
    session = boto3.session.Session(
        aws_access_key_id=held["AccessKeyId"],
        aws_secret_access_key=held["SecretAccessKey"],
        aws_session_token=held["SessionToken"],
        region_name=app.aws.region,
    )
    settings = Settings(configuration["Environment"]["Variables"])
    config = load_file(alerts, today=now.date())
    return Process(settings, clients=Clients(session), config=config, now=lambda: now)


def sync_all(app: App, now: datetime) -> None:
    """Sync every stream, as is done once a day, and when an image counts by time alone."""
    streams = under_its_role(app, "reconcile", now).stores.streams.streams()
    for outcome in under_its_role(app, "syncStreams", now).streams.rounds.run(streams, "time"):
        assert isinstance(outcome, SyncOutcome), outcome


def test_a_digest_reaches_every_kind_of_receiver(
    app: App, repository: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what was scanned and what was not; a second run of the same day adds nothing."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", app.aws.endpoint)
    scanned, never = repository("everywhere"), repository("everywhere", scan_on_push=False)
    app.aws.push(scanned, "1.0.0", basic("CVE-2026-0001"))
    app.aws.push(never, "1.0.0", basic("CVE-2026-0001"))
    app.wait_until_quiet()
    seen = len(app.receivers.messages())
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    sync_all(app, tomorrow)
    digests = under_its_role(app, "sendDigest", tomorrow).streams.digests
    schedule = Schedule(EVERYWHERE, weekday=None, at=time(tomorrow.hour))

    made = digests.run(schedule).digests
    again = digests.run(schedule)
    app.wait_until_quiet()

    assert [digest.destination for digest in made] == list(EVERYWHERE)
    assert not again.digests
    messages = app.receivers.messages()[seen:]
    for digest in made:
        arrived = [message for message in messages if digest.delivery_id in message.raw]
        assert len(arrived) == 1, digest.destination
        assert "daily digest" in arrived[0].raw.lower() or "digest-1.0.0" in arrived[0].raw
    mail = next(message for message in messages if "NEXT STEPS" in message.raw)
    text = " ".join(mail.raw.replace("\\n", " ").split())
    assert f" {scanned}:1.0.0" in text
    assert f"Get {never}:1.0.0 scanned, or delete it (never scanned)" in text


def test_the_deployed_function_makes_none_that_nobody_asked_for(app: App) -> None:
    """This file of alerts has no `digest`."""
    answer = app.aws.client("lambda").invoke(FunctionName=f"{app.stack.name}-sendDigest")

    assert json.loads(answer["Payload"].read()) == {"created": 0, "summaries": 0}


def test_the_command_shows_it(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", app.aws.endpoint)
    options = parser().parse_args(
        [
            *("digest", "show", "--config", str(ALERTS), "--stage", "local"),
            *("--to", "mail", "--format", "json"),
        ]
    )
    session = boto3.session.Session(
        aws_access_key_id=ACCOUNT, aws_secret_access_key=SECRET, region_name=app.aws.region
    )

    with redirect_stdout(io.StringIO()) as out:
        assert command.run(options, connect=lambda **_: Clients(session)) == 0
    (document,) = json.loads(out.getvalue())
    assert document["destination"] == "mail"
