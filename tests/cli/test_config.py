"""`config`: alerts.yml published to a stage, compared, listed and rolled back."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.__main__ import parser
from cli.commands import config
from lib.config import publication
from lib.errors import ConfigError, DocumentError
from lib.store.publications import KEY, S3PublicationWriter
from tests.cli.stage import Stage

TOPIC = "arn:aws:sns:eu-central-1:000474600478:mail"
ALERTS = f"""\
version: 1
destinations:
  team: {{type: slack, webhook: {{secret: ecr-scan-alerts/team}}}}
  mail: {{type: sns, topic_arn: "{TOPIC}"}}
routes:
  - {{name: all, severity: HIGH, notify: [team, mail]}}
"""
SECRET = "ecr-scan-alerts/prod/team"
LOW = ALERTS.replace("HIGH", "LOW")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    stage: Stage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    monkeypatch.chdir(tmp_path)
    stage.make_bucket()
    store_secret(stage)

    def command(name: str, *arguments: str, alerts: str = "") -> tuple[int, str, str]:
        if alerts:
            Path("alerts.yml").write_text(alerts)
        options = parser().parse_args(["config", name, *arguments, "--stage", "prod"])
        code = config.run(options, connect=stage.connect)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def store_secret(stage: Stage) -> None:
    """Store the secret of `ALERTS`, which other tests may have stored in the same account."""
    secrets = stage.boto("secretsmanager")
    with contextlib.suppress(secrets.exceptions.ResourceExistsException):
        secrets.create_secret(Name=SECRET, SecretString="https://hooks.example.com")


def published(stage: Stage) -> Any:
    body = stage.boto("s3").get_object(Bucket=stage.bucket, Key=KEY)["Body"].read()
    return publication.read_publication(body)


def test_the_first_push_says_what_it_adds(run: Run, stage: Stage) -> None:
    """Who published it is kept, and why."""
    code, out, err = run("push", "--note", "begin", alerts=ALERTS)

    assert code == 0, err
    assert "  + destination team (slack)" in out
    assert f"published revision 1 to s3://{stage.bucket}/{KEY}" in out
    (revision,) = published(stage).revisions
    assert revision.by == stage.boto("sts").get_caller_identity()["Arn"]
    assert revision.note == "begin"
    assert "rollback" not in err
    assert "the first push replaces the configuration in the package" in err
    assert "their issues stay open" in err


def test_before_the_first_push_the_whole_file_is_the_difference(run: Run) -> None:
    """It would replace what is in the package."""
    code, out, err = run("diff", alerts=ALERTS)

    assert code == 1
    assert "  + destination team (slack)" in out
    assert "nothing is published at s3://" in err
    with pytest.raises(DocumentError, match="Nothing is published"):
        run("diff", "--revision", "1")


def test_a_second_push_shows_the_difference_and_the_way_back(run: Run, stage: Stage) -> None:
    """A push of the same content is none."""
    run("push", alerts=ALERTS)

    code, out, err = run("push", alerts=LOW)

    assert code == 0
    assert "      severity: HIGH -> LOW" in out
    assert "published revision 2" in out
    assert "config rollback 1 --stage prod" in err
    assert run("push")[:2] == (0, "nothing changed: revision 2 has the same content\n")
    assert published(stage).number == 2


@pytest.mark.parametrize(
    ("alerts", "reason"),
    [
        (ALERTS.replace("severity: HIGH", "severity: HIHG"), "alerts.yml:6: error: routes[0].sev"),
        (ALERTS.replace("000474600478:mail", "123456789012:mail"), "is the placeholder of an exam"),
        ("version: [", "alerts.yml:1: error: this is not YAML"),
    ],
)
def test_a_file_that_could_not_be_deployed_is_not_pushed(
    run: Run, alerts: str, reason: str
) -> None:
    """By the same checks, with every line."""
    code, out, err = run("push", alerts=alerts)

    assert code == 1
    assert reason in out
    assert "nothing was published" in err
    with pytest.raises(DocumentError, match="Nothing is published"):
        run("show")


@pytest.mark.parametrize(
    ("alerts", "reason"),
    [
        (ALERTS.replace(":mail", ":other"), "mail: the stage may not publish to arn:aws:sns:eu-"),
        (
            ALERTS.replace(
                f'{{type: sns, topic_arn: "{TOPIC}"}}',
                "{type: jira, site: https://jira.other.io, project: OPS, "
                "credentials: {secret: ecr-scan-alerts/jira}}",
            ),
            "mail: the stage may not call the host of site (receiverHosts)",
        ),
    ],
)
def test_what_needs_a_deployment_is_said(run: Run, alerts: str, reason: str) -> None:
    """A topic that the role of `deliver` does not name, a host that its environment does not."""
    code, _, err = run("push", alerts=alerts)

    assert code == 1
    assert reason in err
    assert "only a deployment changes what the stage may do" in err
    assert "make deploy STAGE=prod" in err


def test_a_host_that_the_stage_allows_needs_none(run: Run) -> None:
    """As the output of its stack lists it."""
    alerts = ALERTS.replace(
        f'{{type: sns, topic_arn: "{TOPIC}"}}',
        "{type: jira, site: https://jira.acme.io, project: OPS, "
        "credentials: {secret: ecr-scan-alerts/team}}",
    )

    assert run("push", alerts=alerts)[0] == 0


def test_of_two_who_push_at_once_one_is_refused(
    run: Run, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the condition of the write; what the other one published stays."""
    run("push", alerts=ALERTS)
    keep = S3PublicationWriter.keep

    def slowly(self: S3PublicationWriter, name: str, text: str) -> None:
        """Let somebody else publish between read and write."""
        monkeypatch.setattr(S3PublicationWriter, "keep", keep)
        other = publication.following(
            published(stage), {"version": 1}, by="other", at=stage_time(stage), note=""
        )
        stage.store(KEY, publication.to_text(other))
        keep(self, name, text)

    monkeypatch.setattr(S3PublicationWriter, "keep", slowly)

    code, out, err = run("push", alerts=LOW)

    assert code == 1
    assert "published revision" not in out
    assert "somebody else published at the same time" in err
    assert published(stage).revisions[0].by == "other"


def stage_time(stage: Stage) -> Any:
    return stage.boto("s3").get_object(Bucket=stage.bucket, Key=KEY)["LastModified"]


def test_a_difference_is_an_exit_code(run: Run) -> None:
    """For pipelines: 1 as soon as the file is not what is published."""
    run("push", alerts=ALERTS)
    assert run("diff")[:2] == (0, "no difference\n")

    code, out, _ = run("diff", alerts=LOW)
    assert (code, "severity: HIGH -> LOW" in out) == (1, True)
    run("push")
    assert run("diff")[0] == 0
    assert run("diff", "--revision", "1")[0] == 1


def test_the_history_lists_who_when_and_why(run: Run, stage: Stage) -> None:
    """Newest first; as JSON for programs."""
    run("push", alerts=ALERTS)
    run("push", "--note", "quieter\nnow", alerts=LOW)

    code, out, _ = run("history")
    assert code == 0
    assert out.index("quieter now") < out.index(published(stage).revisions[1].hash)
    entries = json.loads(run("history", "--format", "json")[1])
    assert [entry["number"] for entry in entries] == [2, 1]


def test_a_rollback_publishes_an_earlier_revision_again(run: Run, stage: Stage) -> None:
    """As a new one, so that the history tells it."""
    run("push", alerts=ALERTS)
    run("push", alerts=LOW)

    code, out, _ = run("rollback", "1")

    assert code == 0
    assert "severity: LOW -> HIGH" in out
    assert "published revision 3" in out
    assert published(stage).revisions[0].note == "revision 1 again"
    assert json.loads(run("show")[1]) == json.loads(run("show", "--revision", "1")[1])
    with pytest.raises(ConfigError, match="There is no revision 9; there are 1 to 3"):
        run("rollback", "9")


def test_a_revision_that_is_not_valid_any_more_stays_history(
    run: Run, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer version of the program may refuse what an older one took."""
    run("push", alerts=ALERTS)
    run("push", alerts=LOW)
    problem = config.check({"version": 2}, today=stage_time(stage).date())
    monkeypatch.setattr(config, "check", lambda *_, **__: problem)

    code, _, err = run("rollback", "1")

    assert code == 1
    assert "revision 1 is not valid any more: " in err
    assert published(stage).number == 2


def test_what_another_tool_wrote_is_shown_compared_and_replaced(run: Run, stage: Stage) -> None:
    """Such as Terraform; its document is revision 1 from then on."""
    stage.deploy(ALERTS)
    assert "was written by another tool" in run("history")[1]
    assert run("diff", alerts=LOW)[0] == 1

    run("push", "--note", "by hand")

    assert [revision.number for revision in published(stage).revisions] == [2, 1]
    assert "severity: LOW -> HIGH" in run("rollback", "1")[1]


def test_a_broken_object_is_replaced_by_the_next_push(run: Run, stage: Stage) -> None:
    """The functions never take it; the other actions say what it is."""
    stage.store(KEY, "broken")
    with pytest.raises(ConfigError, match="is broken"):
        run("history")

    code, out, err = run("push", alerts=ALERTS)

    assert code == 0
    assert "published revision 1" in out
    assert "is broken, and is replaced" in err


def test_nothing_is_published_yet(run: Run) -> None:
    """The packaged file is in force; the remedy is named."""
    for action in (["history"], ["show"], ["diff", "--revision", "1"], ["rollback", "1"]):
        with pytest.raises(DocumentError, match="config push"):
            run(*action, alerts=ALERTS)


MISSING = ALERTS.replace("ecr-scan-alerts/team", "ecr-scan-alerts/nobody-stored-it")


def test_a_file_whose_secret_is_missing_is_not_pushed(run: Run) -> None:
    """Its destination would be dead; the command that stores the secret is printed."""
    code, out, err = run("push", alerts=MISSING)

    assert code == 1
    assert "secret ecr-scan-alerts/prod/nobody-stored-it: missing" in out
    assert "aws secretsmanager create-secret" in out
    assert err.splitlines()[-1] == (
        "ecr-scan-alerts: nothing was published: team gets nothing until its secret is stored. "
        "Store it with the command above, or publish all the same with --force"
    )
    with pytest.raises(DocumentError, match="Nothing is published"):
        run("show")


def test_force_publishes_without_the_secret(run: Run, stage: Stage) -> None:
    """The last line says who gets nothing."""
    code, out, err = run("push", "--force", alerts=MISSING)

    assert code == 0
    assert "secret ecr-scan-alerts/prod/nobody-stored-it: missing" in out
    assert published(stage).number == 1
    assert err.splitlines()[-1].endswith("team gets nothing until its secret is stored")


def test_every_destination_without_a_secret_is_named(run: Run) -> None:
    """Also where two of them read the same one."""
    twice = MISSING.replace(
        "  mail:",
        "  chat: {type: slack, webhook: {secret: ecr-scan-alerts/nobody-stored-it}}\n  mail:",
    )

    code, out, err = run("push", alerts=twice)

    assert (code, out.count("nobody-stored-it: missing")) == (1, 1)
    assert "team, chat get nothing until their secrets are stored. Store" in err


def test_a_rollback_needs_the_secrets_too(run: Run, stage: Stage) -> None:
    """A secret may have gone since that revision was published."""
    run("push", "--force", alerts=MISSING)
    run("push", alerts=ALERTS)

    assert run("rollback", "1")[0] == 1
    assert published(stage).number == 2
    assert run("rollback", "1", "--force")[0] == 0
    assert published(stage).number == 3


def test_secrets_that_may_not_be_looked_at_are_questions(run: Run, stage: Stage) -> None:
    """A role that only pushes needs no right to describe secrets."""
    whole = stage.client

    def client(service: str, **options: Any) -> Any:
        if service == "secretsmanager":
            return Denied()
        return whole(service, **options)

    stage.client = client  # type: ignore[method-assign]  # a role with less rights

    code, out, _ = run("push", alerts=ALERTS)

    assert code == 0
    assert "AWS denies DescribeSecret" in out


class Denied:
    """A service that denies everything."""

    def describe_secret(self, **_: Any) -> Any:
        from botocore.exceptions import ClientError

        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "DescribeSecret")
