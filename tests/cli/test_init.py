"""`init`: from a few answers to a valid alerts.yml."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.__main__ import parser
from cli.alerts_file import load_file
from cli.commands import init
from cli.starting import RECEIVERS, SEVERITIES
from lib.config.model import Config
from lib.errors import DocumentError
from lib.models.program import SCHEMAS

OPTIONS = {
    "slack": (),
    "slack-bot": ("--channel", "C0123ALERTS"),
    "jira": ("--site", "https://acme.atlassian.net", "--project", "SEC"),
    "pagerduty": (),
    "email": ("--topic", "arn:aws:sns:eu-west-1:000474600478:scans"),
    "teams": ("--topic", "arn:aws:sns:eu-west-1:000474600478:scans"),
}
SECRETS = {
    "slack": "ecr-scan-alerts/prod/team-webhook",
    "slack-bot": "ecr-scan-alerts/prod/slack-bot",
    "jira": "ecr-scan-alerts/prod/jira",
    "pagerduty": "ecr-scan-alerts/prod/pagerduty",
}

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `init` in an empty folder with some answers, and return what it prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")

    def command(
        *arguments: str, answers: Sequence[str] = (), errors: list[str] | None = None
    ) -> str:
        replies = iter(answers)

        def answered(question: str) -> str:
            try:
                return next(replies)
            except StopIteration as error:
                raise EOFError(question) from error

        options = parser().parse_args(["init", *arguments])
        assert init.run(options, ask=answered) == 0
        captured = capsys.readouterr()
        if errors is not None:
            errors.append(captured.err)
        return captured.out

    return command


def written(folder: Path) -> Config:
    """Read the file as every other command does."""
    return load_file(folder / "alerts.yml", today=datetime.now(UTC).date())


def test_every_receiver_has_its_case() -> None:
    """A new one gets its options here."""
    assert set(OPTIONS) == set(RECEIVERS)


@pytest.mark.parametrize("production", [(), ("--production", "v*", "prod-*")])
@pytest.mark.parametrize("receiver", RECEIVERS)
def test_the_file_is_valid_for_every_receiver(
    run: Run, tmp_path: Path, receiver: str, production: tuple[str, ...]
) -> None:
    """One destination gets everything, or production and the worst of the rest."""
    run("--receiver", receiver, *OPTIONS[receiver], *production, "--severity", "MEDIUM")

    config = written(tmp_path)
    names = [route.name for route in config.routes]
    assert list(config.destinations) == [RECEIVERS[receiver].destination]
    assert names == (["production", "everything else"] if production else ["everything"])
    assert config.routes[0].filter.severity.name == "MEDIUM"


def test_the_tags_of_production_are_one_stream(run: Run, tmp_path: Path) -> None:
    """As in the recipe: v1.2.0 follows prod-1, and is compared with it."""
    run("--yes", "--production", "v*", "prod-*", "v*")

    assert [rule.tags for rule in written(tmp_path).streams] == [("v*", "prod-*")]


@pytest.mark.parametrize(
    ("receiver", "default"), [("slack", "one summary"), ("pagerduty", "no incident")]
)
def test_the_file_has_the_line_that_announces_what_is_open(
    run: Run, tmp_path: Path, receiver: str, default: str
) -> None:
    """As a comment, which is valid as an option, too."""
    run("--yes", "--receiver", receiver)
    file = tmp_path / "alerts.yml"
    text = file.read_text("utf-8")

    assert "# announce: true   # a message for each image about what was open" in text
    assert f"(default: {default})" in text
    file.write_text(text.replace("# announce: true", "announce: true"), "utf-8")
    (destination,) = written(tmp_path).destinations.values()
    assert destination.announce is True


@pytest.mark.parametrize("receiver", SECRETS)
def test_the_secret_is_stored_under_the_name_that_the_stage_reads(run: Run, receiver: str) -> None:
    """Its command is the first of three steps."""
    steps = run("--receiver", receiver, *OPTIONS[receiver])

    assert "1. Store the secret. VALUE is " in steps
    assert f"create-secret --region eu-west-1 --name {SECRETS[receiver]} --secret" in steps
    assert "3. Deploy" in steps


@pytest.mark.parametrize(
    ("receiver", "step"),
    [("email", "aws sns subscribe --region eu-west-1 --topic-arn arn:"), ("teams", "teams-setup")],
)
def test_a_topic_gets_its_reader(run: Run, receiver: str, step: str) -> None:
    """It has no secret."""
    steps = run("--receiver", receiver, *OPTIONS[receiver])

    assert step in steps
    assert "create-secret" not in steps


def test_the_stage_is_that_of_the_option(run: Run) -> None:
    """In the name of the secret and in the deployment."""
    steps = run("--yes", "--stage", "test")

    assert "ecr-scan-alerts/test/team-webhook" in steps
    assert "make deploy STAGE=test REGION=eu-west-1 CONFIG=/" in steps


def test_the_stage_of_the_demo_is_not_deployed(run: Run) -> None:
    """`make demo` has deployed it; the file is published to it."""
    steps = run("--yes", "--stage", "local")

    assert "make deploy" not in steps
    assert "ecr-scan-alerts config push --stage local --config /" in steps


def test_printed_commands_are_called_as_this_one(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a clone the name alone is not found."""
    monkeypatch.setenv("ECR_SCAN_ALERTS_CALLED_AS", "./ecr-scan-alerts")

    steps = run("--yes", "--stage", "local")

    assert "   ./ecr-scan-alerts scan REPOSITORY:TAG" in steps
    assert "   ./ecr-scan-alerts config push --stage local" in steps


def test_editors_find_the_schema(run: Run, tmp_path: Path) -> None:
    """By its address: the file lies in a folder without schemas."""
    run("--yes")

    first = (tmp_path / "alerts.yml").read_text("utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema={SCHEMAS}alerts-1.0.0.json"


@pytest.mark.usefixtures("terminal")
def test_a_person_is_asked_for_what_no_option_says(run: Run, tmp_path: Path) -> None:
    """Again where the answer is no choice, or where there has to be one."""
    answers = ["jria", "Jira", "", "https://acme.atlassian.net", "SEC", "critical", "v*, prod-*"]

    output = run(answers=answers)

    config = written(tmp_path)
    assert "pagerduty: PagerDuty" in output
    assert config.routes[0].filter.severity.name == "CRITICAL"
    assert 'tag: ["v*", "prod-*"]' in (tmp_path / "alerts.yml").read_text("utf-8")


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (("github", "slack", "", ""), "'github' is none of slack, "),
        (("slack-bot", "#alerts", "C0123ALERTS", "", ""), "must be the id of a channel"),
        (("slack-bot", "", "C0123ALERTS", "", ""), "an answer is needed"),
        (("email", "a@acme.io", "arn:aws:sns:eu-west-1:000474600478:scans", "", ""), "must be"),
        (("slack", "hi", "HIGH", ""), "'hi' is none of CRITICAL, HIGH, MEDIUM, LOW"),
        (("slack", "", "v" * 257, "v*"), "must have at most 256 characters"),
    ],
)
def test_a_wrong_answer_is_asked_for_again(
    run: Run, tmp_path: Path, answers: Sequence[str], reason: str
) -> None:
    """With the reason, and without the loss of the other answers."""
    errors: list[str] = []

    run(answers=answers, errors=errors)

    assert reason in errors[0]
    assert written(tmp_path).routes


def test_a_threshold_may_be_in_small_letters(run: Run, tmp_path: Path) -> None:
    """As where it is asked for."""
    run("--yes", "--severity", "high")

    assert written(tmp_path).routes[0].filter.severity.name == "HIGH"


def test_what_is_critical_is_sent_of_the_rest(run: Run, tmp_path: Path) -> None:
    """Fixable or not: basic scanning names no fixes."""
    run("--yes", "--production", "v*")

    assert not written(tmp_path).routes[1].filter.only


@pytest.mark.usefixtures("terminal")
def test_options_are_not_asked_for(run: Run, tmp_path: Path) -> None:
    """Only the rest is."""
    run("--receiver", "slack", "--severity", "LOW", answers=[""])

    assert written(tmp_path).routes[0].filter.severity.name == "LOW"


@pytest.mark.usefixtures("terminal")
def test_an_end_of_the_answers_writes_nothing(run: Run, tmp_path: Path) -> None:
    """Such as Ctrl-D."""
    with pytest.raises(DocumentError, match="nothing was written"):
        run(answers=["slack"])

    assert not (tmp_path / "alerts.yml").exists()


def test_without_a_terminal_a_receiver_has_to_be_named(run: Run) -> None:
    """A script that hangs on a question helps nobody."""
    with pytest.raises(DocumentError, match="name --receiver, or --yes for Slack"):
        run()
    with pytest.raises(DocumentError, match="--channel is missing: Id of the Slack channel"):
        run("--receiver", "slack-bot")


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("options", [("--yes",), ("--receiver", "slack")])
def test_a_file_is_not_overwritten_without_a_yes(
    run: Run, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """--yes takes defaults, and is no leave to overwrite."""
    (tmp_path / "alerts.yml").write_text("mine", "utf-8")

    with pytest.raises(DocumentError, match="was left as it is: --force"):
        run(*options, answers=["n"])

    assert (tmp_path / "alerts.yml").read_text("utf-8") == "mine"


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    ("option", "answers"), [("--force", ["", ""]), ("--verbose", ["y", "", ""])]
)
def test_a_file_is_overwritten_after_a_yes(
    run: Run, tmp_path: Path, option: str, answers: Sequence[str]
) -> None:
    """Or with --force."""
    (tmp_path / "alerts.yml").write_text("mine", "utf-8")

    run("--receiver", "slack", option, answers=answers)

    assert written(tmp_path).routes


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("slack-bot", "--channel", "#general"), "^--channel: must be the id of a channel"),
        (("jira", "--site", "acme", "--project", "SEC"), "^--site: must be "),
        (("jira", "--site", "https://acme.atlassian.net", "--project", "a b"), "^--project: must"),
        (("email", "--topic", "a@acme.io"), "^--topic: must be "),
        (("slack", "--production", "v*", ""), "^--production: must not be empty"),
    ],
)
def test_a_wrong_option_is_refused_by_its_name(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], reason: str
) -> None:
    """With the words that check-config has for the value, before the file is written."""
    with pytest.raises(DocumentError, match=reason):
        run("--receiver", *arguments)

    assert not (tmp_path / "alerts.yml").exists()


def test_a_receiver_without_questions_is_pointed_to(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where a person is asked."""
    with pytest.raises(SystemExit):
        run("--receiver", "webhook")

    assert (
        "argument --receiver: there is no 'webhook' (choose from slack, slack-bot, jira, "
        "pagerduty, email, teams); docs/receivers has the lines for a webhook"
    ) in capsys.readouterr().err


def test_without_a_terminal_a_file_that_exists_is_named(run: Run, tmp_path: Path) -> None:
    """There is nobody to ask whether it may go."""
    (tmp_path / "alerts.yml").write_text("mine", "utf-8")

    with pytest.raises(DocumentError, match=r"^alerts.yml exists and was left as it is: --force"):
        run("--receiver", "slack")


def test_thresholds_are_severities() -> None:
    """All but the one below LOW, which scanners use for remarks."""
    assert SEVERITIES == ("CRITICAL", "HIGH", "MEDIUM", "LOW")
