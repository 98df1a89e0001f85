"""`init`: asks a few questions and writes the first alerts.yml."""

import argparse
import os
import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cli.alerts_file import configured, understand
from cli.files import write_whole
from cli.inputs import add_config_option, add_region_option
from cli.parser import called_as, suggestion
from cli.starting import RECEIVERS, SEVERITIES, Question, Start, render, steps
from cli.terminal import Ask, agreed, ask_person, complain, is_interactive, print_text, say
from lib.config.checking import check
from lib.errors import DocumentError

HELP = "write the first alerts.yml: asks for receiver, threshold and tags of production"
DESCRIPTION = (
    "Write a commented alerts.yml that is valid, and print the three steps after it: storing the "
    "secret, a look at what it would send, and the deployment. Asks for what no option says; "
    "--yes takes the defaults instead. A file that exists is overwritten after a question, or with "
    "--force. Calls nothing of AWS."
)
_SEVERITY: Final = "HIGH"
_RECEIVER: Final = "slack"
_OTHERS: Final = "docs/receivers has the lines for a webhook and for JSON by SNS"
_FORCE: Final = "--force overwrites it without asking, --config names another file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument(
        "--receiver",
        type=_receiver,
        choices=tuple(RECEIVERS),
        help=f"default: {_RECEIVER}; {_OTHERS}",
    )
    parser.add_argument("--channel", metavar="ID", help="slack-bot: id of the channel")
    parser.add_argument("--site", metavar="URL", help="jira: address")
    parser.add_argument("--project", metavar="KEY", help="jira: key of the project")
    parser.add_argument("--topic", metavar="ARN", help="email, teams: the SNS topic")
    parser.add_argument(
        "--severity",
        type=str.upper,
        choices=SEVERITIES,
        help=f"threshold (default: {_SEVERITY})",
    )
    parser.add_argument(
        "--production",
        metavar="PATTERN",
        nargs="+",
        help="tags of production, such as 'v*' (default: all images)",
    )
    add_config_option(parser)
    add_region_option(parser)
    parser.add_argument(
        "--stage", default=argparse.SUPPRESS, help="the stage to deploy (default: prod)"
    )
    parser.add_argument("--yes", action="store_true", help="ask nothing: take the defaults")
    parser.add_argument("--force", action="store_true", help="overwrite without asking")


def _receiver(text: str) -> str:
    if text not in RECEIVERS:
        hint = suggestion(text, RECEIVERS) or f" (choose from {', '.join(RECEIVERS)})"
        raise argparse.ArgumentTypeError(f"there is no {text!r}{hint}; {_OTHERS}")
    return text


def run(options: argparse.Namespace, *, ask: Ask = ask_person) -> int:
    """Write the file and print the next steps."""
    path = Path(options.config)
    _check_overwriting(path, options, ask)
    start = _answers(options, ask)
    text = render(start)
    config = configured(understand(text, str(path)), today=datetime.now(UTC).date())
    file, stage = shlex.quote(str(path.resolve())), options.stage or "prod"
    following = steps(
        start, config, file=file, stage=stage, region=_region(options), command=called_as()
    )
    write_whole(path, text)
    say(f"Written: {path}", style="bold")
    for number, step in enumerate(following, 1):
        say()
        say(f"{number}. {step.sentence}:")
        print_text(f"   {step.command}")
    return 0


def _check_overwriting(path: Path, options: argparse.Namespace, ask: Ask) -> None:
    if not path.exists() or options.force:
        return
    may_ask = is_interactive() and not options.yes
    if not may_ask or not agreed(f"{path} exists. Overwrite it?", ask, without=_FORCE):
        raise DocumentError(f"{path} exists and was left as it is: {_FORCE}")


def _answers(options: argparse.Namespace, ask: Ask) -> Start:
    """Return what the options say, and ask for the rest. Raises `DocumentError`."""
    asking = None if options.yes else ask
    if asking is not None and not is_interactive():
        if options.receiver is None:
            raise DocumentError(
                "There is no terminal to ask on: name --receiver, or --yes for Slack"
            )
        asking = None
    if options.receiver is None and asking is not None:
        for name, choice in RECEIVERS.items():
            say(f"{name}: {choice.summary}")
    receiver = options.receiver or _choice("Receiver", tuple(RECEIVERS), _RECEIVER, asking)
    _check_options(receiver, options)
    answers = {
        question.name: getattr(options, question.name) or _required(receiver, question, asking)
        for question in _questions(receiver)
    }
    severity = options.severity or _choice("Threshold", SEVERITIES, _SEVERITY, asking)
    production = options.production
    if production is None:
        production = _production(receiver, asking)
    return Start(receiver, answers, severity, tuple(dict.fromkeys(production)))


def _check_options(receiver: str, options: argparse.Namespace) -> None:
    """Raise `DocumentError` for an option whose value the file may not have."""
    given = {question.name: getattr(options, question.name) for question in _questions(receiver)}
    mistakes = {name: _mistake(receiver, {name: value}) for name, value in given.items() if value}
    mistakes["production"] = _mistake(receiver, {}, options.production or ())
    for name, mistake in mistakes.items():
        if mistake is not None:
            raise DocumentError(f"--{name}: {mistake}")


def _questions(receiver: str) -> tuple[Question, ...]:
    return RECEIVERS[receiver].questions


def _choice(label: str, choices: tuple[str, ...], default: str, ask: Ask | None) -> str:
    if ask is None:
        return default
    while True:
        answer = _line(f"{label}: {', '.join(choices)} (Enter: {default})", ask) or default
        for choice in choices:
            if answer.lower() == choice.lower():
                return choice
        more = f"; {_OTHERS}" if choices == tuple(RECEIVERS) else ""
        complain(f"{answer!r} is none of {', '.join(choices)}{more}")


def _required(receiver: str, question: Question, ask: Ask | None) -> str:
    if ask is None:
        raise DocumentError(f"--{question.name} is missing: {question.text}")
    while True:
        answer = _line(question.text, ask)
        mistake = _mistake(receiver, {question.name: answer}) if answer else "an answer is needed"
        if mistake is None:
            return answer
        complain(mistake)


def _production(receiver: str, ask: Ask | None) -> list[str]:
    while True:
        line = _line("Tags of production, such as v* prod-* (Enter: all images)", ask)
        production = line.replace(",", " ").split()
        mistake = _mistake(receiver, {}, production)
        if mistake is None:
            return production
        complain(mistake)


def _mistake(
    receiver: str, answers: Mapping[str, str], production: Sequence[str] = ()
) -> str | None:
    """Return what check-config finds wrong with answers, among examples; None: nothing."""
    examples = {question.name: question.example for question in _questions(receiver)}
    start = Start(receiver, {**examples, **answers}, _SEVERITY, tuple(production))
    document = understand(render(start), "").document
    problems = check(document, today=datetime.now(UTC).date())
    return next((problem.message for problem in problems if problem.level == "error"), None)


def _line(question: str, ask: Ask | None) -> str:
    """Return an answer. Raises `DocumentError` where the input ends."""
    if ask is None:
        return ""
    try:
        return ask(f"{question}: ").strip()
    except EOFError as error:
        raise DocumentError("nothing was written") from error


def _region(options: argparse.Namespace) -> str:
    names = ("AWS_REGION", "AWS_DEFAULT_REGION")
    return options.region or next(filter(None, map(os.environ.get, names)), "REGION")
