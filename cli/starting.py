"""The first alerts.yml: from a few answers to a commented file, and the steps after it. Pure."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from cli.parser import DEMO_STAGE
from lib.config import secret_references
from lib.config.model import Config
from lib.config.secret_names import creation_command, stage_name
from lib.models.program import SCHEMAS

_ANNOUNCE: Final = "a message for each image about what was open before"
SEVERITIES: Final = ("CRITICAL", "HIGH", "MEDIUM", "LOW")


@dataclass(frozen=True, slots=True)
class Question:
    """An option of a receiver that the file cannot do without."""

    name: str
    text: str
    example: str
    """A valid answer: it stands for answers that are still to come."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """A way to be notified: what has to be known, and its lines in the file."""

    summary: str
    destination: str
    questions: tuple[Question, ...]
    lines: Callable[[Mapping[str, str]], Sequence[str]]
    value: str = ""
    """What its secret holds; empty for a receiver without a secret."""
    before: str = "one summary"
    """How it gets what was open before it was added, unless it says `announce: true`."""


_TOPIC: Final = Question(
    "topic",
    "ARN of the SNS topic, such as arn:aws:sns:REGION:ACCOUNT:scans",
    "arn:aws:sns:eu-central-1:111122223333:scans",
)
RECEIVERS: Final[Mapping[str, Receiver]] = MappingProxyType(
    {
        "slack": Receiver(
            "Slack, by an incoming webhook of one channel",
            "team-slack",
            (),
            lambda _: ("type: slack", "webhook: {secret: ecr-scan-alerts/team-webhook}"),
            "the URL of the webhook",
        ),
        "slack-bot": Receiver(
            "Slack, by a bot: a thread for each image",
            "team-slack",
            (Question("channel", "Id of the Slack channel, such as C0123ALERTS", "C0123ALERTS"),),
            lambda answers: (
                "type: slack",
                "token: {secret: ecr-scan-alerts/slack-bot}",
                f"channel: {_text(answers['channel'])}",
            ),
            "the token of the bot, which begins with xoxb-",
        ),
        "jira": Receiver(
            "Jira: an issue for each image",
            "team-jira",
            (
                Question(
                    "site",
                    "Address of Jira, such as https://acme.atlassian.net",
                    "https://acme.atlassian.net",
                ),
                Question("project", "Key of the project, such as SEC", "SEC"),
            ),
            lambda answers: (
                "type: jira",
                f"site: {_text(answers['site'])}",
                f"project: {_text(answers['project'])}",
                "issue_type: Task",
                "credentials: {secret: ecr-scan-alerts/jira}",
            ),
            'JSON with both: {"email": "…", "token": "…"}',
        ),
        "pagerduty": Receiver(
            "PagerDuty: an incident for each image",
            "on-call",
            (),
            lambda _: ("type: pagerduty", "routing_key: {secret: ecr-scan-alerts/pagerduty}"),
            "the integration key of the service",
            before="no incident",
        ),
        "email": Receiver(
            "e-mail, by a topic of SNS",
            "team-mail",
            (_TOPIC,),
            lambda answers: _sns(answers, "text"),
        ),
        "teams": Receiver(
            "Microsoft Teams, by a topic of SNS and Amazon Q Developer",
            "team-teams",
            (_TOPIC,),
            lambda answers: _sns(answers, "amazon-q"),
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Step:
    """A step after the file is written: a sentence, and a command or an address."""

    sentence: str
    command: str


@dataclass(frozen=True, slots=True)
class Start:
    """The answers."""

    receiver: str
    answers: Mapping[str, str]
    """The receiver's questions by their names."""
    severity: str
    production: tuple[str, ...]
    """Patterns of tags; empty: all images."""


def render(start: Start) -> str:
    """Return the text of alerts.yml."""
    receiver = RECEIVERS[start.receiver]
    announce = f"# announce: true   # {_ANNOUNCE} (default: {receiver.before})"
    lines = (*receiver.lines(start.answers), announce)
    options = "\n".join(f"    {line}" for line in lines)
    return f"""\
# yaml-language-server: $schema={SCHEMAS}alerts-1.0.0.json
#
# Which scan findings are sent where. Check each change: ecr-scan-alerts check-config
version: 1

# The receivers. Secrets are given by name: a stage reads "ecr-scan-alerts/STAGE/NAME".
destinations:
  {receiver.destination}:
{options}

{_streams(start.production)}
# Tried in this order. The first route that matches decides, unless it has "continue: true".
routes:
{"".join(_routes(start, receiver.destination))}
# A summary once a week:
#
# digest: {{notify: [{receiver.destination}], every: week, on: monday}}

# Accepted risks, each with an end and a reason: ecr-scan-alerts suppressions add ID --reason TEXT
suppressions: []
"""


def _streams(production: Sequence[str]) -> str:
    if not production:
        return (
            "# Which images follow each other: releases are compared with the release before.\n"
            "#\n"
            '# streams: ["v*", "main-*"]\n'
        )
    return (
        "# One line of images: each is compared with the one before it that has such a tag.\n"
        f"streams:\n  - {{tag: {_list(production)}}}\n"
    )


def _routes(start: Start, destination: str) -> Iterator[str]:
    if not start.production:
        yield (
            '  # All images. Add `match: {repository: "payments/*"}` to limit a route.\n'
            f"  - name: everything\n    severity: {start.severity}\n    notify: [{destination}]\n"
        )
        return
    yield (
        "  # Images with a tag of production.\n"
        f"  - name: production\n    match: {{tag: {_list(start.production)}}}\n"
        f"    severity: {start.severity}\n    notify: [{destination}]\n\n"
        "  # All other images: what is critical.\n"
        "  - name: everything else\n    severity: CRITICAL\n"
        f"    notify: [{destination}]\n"
    )


def steps(
    start: Start, config: Config, *, file: str, stage: str, region: str, command: str
) -> tuple[Step, ...]:
    """Return what to do next, in three steps. `command` is how ours is called."""
    return (
        _prepared(start, config, stage, region),
        Step(
            "See who is notified of an image, before anything is deployed",
            f"{command} scan REPOSITORY:TAG --config {file}",
        ),
        _last(file, stage, region, command),
    )


def _last(file: str, stage: str, region: str, command: str) -> Step:
    """Return the step that puts the file in force. `make demo` has deployed its stage already."""
    if stage == DEMO_STAGE:
        return Step(
            "Publish it to the demo", f"{command} config push --stage {stage} --config {file}"
        )
    return Step(
        "Deploy from a clone of the repository, then check",
        f"make deploy STAGE={stage} REGION={region} CONFIG={file} && "
        f"./ecr-scan-alerts doctor --stage {stage}",
    )


def _prepared(start: Start, config: Config, stage: str, region: str) -> Step:
    """Return the step that lets the receiver be reached."""
    (entry,) = config.destinations.values()
    for kind, name in secret_references(entry):
        command = creation_command(kind, stage_name(kind, name, stage), region)
        return Step(f"Store the secret. VALUE is {RECEIVERS[start.receiver].value}", command)
    if start.receiver == "teams":
        return Step(
            "Connect the topic with Teams in Amazon Q Developer in chat applications",
            "https://docs.aws.amazon.com/chatbot/latest/adminguide/teams-setup.html",
        )
    topic = start.answers["topic"]
    return Step(
        "Subscribe to the topic, and confirm the mail that AWS sends",
        f"aws sns subscribe --region {topic.split(':')[3]} --topic-arn {topic} "
        "--protocol email --notification-endpoint ADDRESS",
    )


def _sns(answers: Mapping[str, str], form: str) -> Sequence[str]:
    return ("type: sns", f"topic_arn: {_text(answers['topic'])}", f"format: {form}")


def _text(value: str) -> str:
    """Return a value as YAML, whatever characters it has: JSON's texts are YAML's."""
    return json.dumps(value, ensure_ascii=False)


def _list(values: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"
