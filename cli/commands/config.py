"""`config`: publishes alerts.yml to a deployed stage, and shows or restores what was published."""

import argparse
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from botocore.exceptions import ClientError

from cli.alerts_file import AlertsFile, check_file, read, render_problems
from cli.check_list import print_checks
from cli.config_changes import configuration_changes, describe
from cli.deployment import Deployment, add_stage_options, deployment
from cli.doctor import judgements
from cli.doctor.facts import Place
from cli.doctor.reads import Reads
from cli.inputs import add_config_option
from cli.parser import called_as
from cli.placeholders import placeholders
from cli.publishing import Publisher, Scope, needs_deployment, scope_of
from cli.session import Connect, OperatorClients
from cli.terminal import complain, print_json, print_lines, print_text, remark, say, working
from lib.config import secret_references
from lib.config.checking import check
from lib.config.parsing import config_hash, parse
from lib.config.publication import Revision, described
from lib.errors import ConflictError, DocumentError
from lib.models import Destination, Json
from lib.models.diagnostics import Check, CheckStatus, has_failed, unknown
from lib.text import one_line

HELP = "publish alerts.yml to a stage without a deployment; compare, list, roll back"
DESCRIPTION = (
    "Publish alerts.yml to a deployed stage. The functions take a new revision within a minute, "
    "and every open alert is compared with it within five. `push` checks the file as a deployment "
    "does, and says what only a deployment can add: an SNS topic, a host."
)
NOT_PUSHED: Final = 1
DIFFERENT: Final = 1
_LONGEST_NOTE: Final = 200
_PACKAGED: Final = "the first push replaces the configuration in the package, which is not shown"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    push = actions.add_parser(
        "push",
        help="check alerts.yml and publish it",
        description="Check alerts.yml and publish it as a new revision. Exit code 0: it is "
        "published, or nothing changed; 1: it was not published.",
    )
    diff = actions.add_parser(
        "diff",
        help="compare alerts.yml with what is published",
        description="Compare alerts.yml with a published revision. Exit code 0: they are the "
        "same; 1: they differ.",
    )
    diff.add_argument("--revision", type=int, metavar="NUMBER", help="default: the one in force")
    history = actions.add_parser("history", help="list the revisions: who, when, why")
    history.add_argument("--format", choices=("json", "table"), default="table")
    show = actions.add_parser("show", help="print a published revision as JSON")
    show.add_argument("--revision", type=int, metavar="NUMBER", help="default: the one in force")
    rollback = actions.add_parser(
        "rollback",
        help="publish an earlier revision again",
        description="Check an earlier revision and publish it again, as a new one.",
    )
    rollback.add_argument("number", type=int, metavar="NUMBER", help="as `config history` lists it")
    for action in (push, diff):
        add_config_option(action)
    for action in (push, rollback):
        action.add_argument("--note", default="", help="why, for `config history`")
        action.add_argument(
            "--force", action="store_true", help="publish even if a secret is not stored yet"
        )
    for action in (push, diff, history, show, rollback):
        add_stage_options(action)


def run(options: argparse.Namespace, connect: Connect = OperatorClients) -> int:
    """Run an action and return its exit code."""
    match options.action:
        case "push":
            return _push(options, connect)
        case "diff":
            return _diff(deployment(options, connect), options)
        case "history":
            return _history(deployment(options, connect), options)
        case "show":
            stage = deployment(options, connect)
            print_json(_revision(stage.publisher, options.revision), plain=False)
            return 0
        case _:
            return _rollback(deployment(options, connect), options)


# --- push ---------------------------------------------------------------------------------------


def _push(options: argparse.Namespace, connect: Connect) -> int:
    stage = deployment(options, connect)
    scope = scope_of(stage.outputs)
    file = _checked(Path(options.config), scope)
    if file is None:
        return NOT_PUSHED
    return _publish(stage, file.document, scope, options, note=options.note)


def _checked(path: Path, scope: Scope) -> AlertsFile | None:
    """Return a file that can be published; None after its problems were printed."""
    today = datetime.now(UTC).date()
    with working(f"checking {path}"):
        problems = check_file(path, today=today, receiver_hosts=scope.hosts)
        valid = not any(problem.level == "error" for problem in problems)
        file = read(path) if valid else None
    if file is not None:
        problems = (*problems, *placeholders(file))
    if problems:
        print_text(render_problems(problems))
    if any(problem.level == "error" for problem in problems):
        complain("nothing was published: correct the lines above")
        return None
    return file


def _publish(
    stage: Deployment, document: Json, scope: Scope, options: argparse.Namespace, *, note: str
) -> int:
    """Publish a checked document, and print what changed and what is missing."""
    lacking = list(needs_deployment(document, scope))
    if lacking:
        complain(*lacking, _deploy_first(stage))
        return NOT_PUSHED
    publisher = stage.publisher
    before, version = publisher.repairable()
    if version and before is None:
        remark(f"{publisher.address} is broken, and is replaced")
    published = before.publication if before is not None else None
    if published is not None and config_hash(published.document) == config_hash(document):
        say(f"nothing changed: revision {published.number} has the same content")
        return 0
    changes = configuration_changes(published.document, document) if published else None
    for change in changes if changes is not None else describe(document):
        print_text(str(change))
    unreachable = _without_secret(stage, document)
    if unreachable and not options.force:
        complain(
            f"nothing was published: {_gets_nothing(unreachable)}. Store it with the command "
            "above, or publish all the same with --force"
        )
        return NOT_PUSHED
    try:
        revision = publisher.publish(
            document, before, version, by=_caller(stage), note=one_line(note)[:_LONGEST_NOTE]
        )
    except ConflictError:
        complain(
            "nothing was published: somebody else published at the same time. "
            f"See: {called_as()} config diff --stage {stage.stage}"
        )
        return NOT_PUSHED
    if changes is None:
        remark(f"{_PACKAGED}. Its other destinations get no messages; their issues stay open")
    say(f"published revision {revision.number} to {publisher.address}")
    remark("in force within a minute; open alerts are compared with it within five")
    if revision.number > 1:
        undo = f"config rollback {revision.number - 1} --stage {stage.stage}"
        remark(f"`{called_as()} {undo}` undoes it")
    if unreachable:
        remark(_gets_nothing(unreachable))
    return 0


def _deploy_first(stage: Deployment) -> str:
    return (
        "nothing was published: only a deployment changes what the stage may do. With this "
        f"repository: make deploy STAGE={stage.stage}. With a released template: its parameters "
        "TopicArns and ReceiverHosts"
    )


def _caller(stage: Deployment) -> str:
    arn: str = stage.clients.get("sts").get_caller_identity()["Arn"]
    return arn


def _gets_nothing(names: Sequence[Destination]) -> str:
    if len(names) == 1:
        return f"{names[0]} gets nothing until its secret is stored"
    return f"{', '.join(names)} get nothing until their secrets are stored"


def _without_secret(stage: Deployment, document: Json) -> list[Destination]:
    """
    Return the destinations whose secrets are not stored.

    Effects: prints each secret that is missing, with the command that stores it. One that may not
    be looked up is printed, too, and does not count.
    """
    destinations = parse(document).destinations
    with working("looking for secrets"):
        checks = {
            reference: _secret(stage, *reference)
            for reference in sorted(
                {one for entry in destinations.values() for one in secret_references(entry)}
            )
        }
    doubtful = [check for check in checks.values() if check.status != CheckStatus.OK]
    if doubtful:
        print_checks("Secrets", doubtful)
    return [
        name
        for name, entry in destinations.items()
        if has_failed([checks[reference] for reference in secret_references(entry)])
    ]


def _secret(stage: Deployment, kind: str, name: str) -> Check:
    place = Place(stage.stage, stage.clients.get("s3").meta.region_name)
    try:
        (check,) = judgements.secret(Reads(stage.clients).secret(kind, name, stage.stage), place)
    except ClientError as error:
        return unknown(f"{kind} {name}", f"AWS denies {error.operation_name}", "")
    return check


# --- the others ---------------------------------------------------------------------------------


def _diff(stage: Deployment, options: argparse.Namespace) -> int:
    document = read(Path(options.config)).document
    if options.revision is None and stage.publisher.published() is None:
        remark(f"nothing is published at {stage.publisher.address}: {_PACKAGED}")
        changes = describe(document)
    else:
        changes = configuration_changes(_revision(stage.publisher, options.revision), document)
    for change in changes:
        print_text(str(change))
    if not changes:
        say("no difference")
    return DIFFERENT if changes else 0


def _revision(publisher: Publisher, number: int | None) -> Json:
    """Return a published document. Raises `DocumentError` where nothing is published."""
    published = publisher.published()
    if published is None:
        raise _nothing(publisher)
    if number is None:
        return published.publication.document
    return publisher.document(published, number)


def _nothing(publisher: Publisher) -> DocumentError:
    return DocumentError(
        f"Nothing is published at {publisher.address}: the configuration in the package is in "
        f"force. `{called_as()} config push` publishes the first one"
    )


def _history(stage: Deployment, options: argparse.Namespace) -> int:
    published = stage.publisher.published()
    revisions = published.publication.revisions if published is not None else ()
    if options.format == "json":
        print_json(described(revisions))
    elif revisions:
        print_lines(("REVISION", "PUBLISHED", "BY", "HASH", "NOTE"), _rows(revisions))
    elif published is not None:
        say(f"{stage.publisher.address} was written by another tool, which keeps the history")
    else:
        raise _nothing(stage.publisher)
    return 0


def _rows(revisions: Sequence[Revision]) -> Iterable[tuple[str, ...]]:
    for revision in revisions:
        at = f"{revision.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        yield (str(revision.number), at, revision.by, revision.hash, revision.note)


def _rollback(stage: Deployment, options: argparse.Namespace) -> int:
    publisher, scope = stage.publisher, scope_of(stage.outputs)
    document = _revision(publisher, options.number)
    note = options.note or f"revision {options.number} again"
    problem = _unfit(document, scope)
    if problem is not None:
        complain(f"nothing was published: revision {options.number} {problem}")
        return NOT_PUSHED
    return _publish(stage, document, scope, options, note=note)


def _unfit(document: Json, scope: Scope) -> str | None:
    """Return why an earlier revision cannot be in force now; None where it can."""
    today = datetime.now(UTC).date()
    problems = check(document, today=today, receiver_hosts=scope.hosts)
    errors = [str(problem) for problem in problems if problem.level == "error"]
    return f"is not valid any more: {'; '.join(errors)}" if errors else None
