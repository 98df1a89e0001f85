"""`audit`: how the repositories of a registry are set up, against what alerts.yml expects."""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from cli.inputs import add_config_option, add_region_option, read_config
from cli.session import Connect, OperatorClients, connected
from cli.terminal import complain, print_json, remark, say, stepping
from lib.checks.settings import CLOUDFORMATION, COMMAND, REMARK, Expectations, check
from lib.core.suppressions import Suppression, matcher
from lib.errors import ImageGoneError, NotAllowedError
from lib.models import Finding, Image, Suppressed
from lib.ports.sources import RepositorySource
from lib.text import clean, counted

HELP = "check how repositories are set up: tags, scanning, lifecycle, encryption"
DESCRIPTION = (
    "Check the repositories of ECR against `repositories` of the configuration (or its defaults), "
    "with your AWS credentials and region: whether tags can be overwritten, what is pushed is "
    "scanned, old images are deleted. Each result comes with what it risks or costs and what mends "
    "it. Needs no deployment, changes nothing. Exit code 1 when something is found, or could not "
    "be read."
)


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of one repository."""

    repository: Image
    findings: Sequence[Finding] = ()
    suppressed: Sequence[Suppressed] = ()
    unread: str | None = None
    """Why nothing, or not all, is known about it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("--repository", metavar="GLOB", default="*", help='such as "payments/*"')
    parser.add_argument("--format", choices=("json", "table"), default="table")
    add_region_option(parser)
    add_config_option(parser)


def run(options: argparse.Namespace, connect: Connect = OperatorClients) -> int:
    """Check everything in scope, and show what was found."""
    from lib.sources.repositories import EcrRepositories

    config = read_config(options.config)
    if config.repositories is None:
        remark("the configuration has no `repositories`: checked against the defaults")
    expected = config.repositories or Expectations()
    with stepping("listing repositories") as steps:
        source = EcrRepositories(connected(options, connect).get("ecr"))
        found = source.repositories()
        repositories = [each for each in found if fnmatchcase(each.repository, options.repository)]
        steps.expect(len(repositories), "checking")
        checked: list[Checked] = []
        for each in repositories:
            checked += _checked(source, each, expected, config.suppressions)
            steps.advance()
    if options.format == "json":
        print_json([_document(each) for each in checked])
    else:
        _print(checked)
    unread = [each for each in checked if each.unread is not None]
    for failed in unread:
        complain(f"{failed.repository.repository} could not be checked: {failed.unread}")
    return int(bool(unread) or any(each.findings for each in checked))


def _checked(
    source: RepositorySource,
    repository: Image,
    expected: Expectations,
    suppressions: Sequence[Suppression],
) -> Iterable[Checked]:
    now = datetime.now(UTC)
    try:
        settings = source.settings(repository)
    except ImageGoneError:
        # Deleted since it was listed.
        return
    except NotAllowedError as error:
        yield Checked(repository, unread=str(error))
        return
    suppress = matcher(suppressions, repository, now.date())
    judged = [(each, suppress(each)) for each in check(settings, expected, now=now)]
    yield Checked(
        repository,
        [each for each, left_out in judged if left_out is None],
        [left_out for _, left_out in judged if left_out is not None],
    )


def _print(checked: Sequence[Checked]) -> None:
    for each in checked:
        if not each.findings:
            continue
        say(each.repository.repository, style="bold")
        for finding in each.findings:
            say(f"{finding.severity.name} {finding.vulnerability_id}: {finding.title}")
            say(finding.description or "")
            if REMARK in finding.extra:
                say(finding.extra[REMARK])
            # Whole and unwrapped, to be copied.
            print(f"    $ {clean(finding.extra[COMMAND])}")
            for line in finding.extra[CLOUDFORMATION].splitlines():
                print(f"    | {clean(line)}")
        say()
    total = sum(len(each.findings) for each in checked)
    wrong = sum(bool(each.findings) for each in checked)
    left_out = sum(len(each.suppressed) for each in checked)
    tail = f", {left_out} left out by suppressions" if left_out else ""
    repositories = counted(len(checked), "repository", "repositories")
    say(f"{counted(total, 'finding')} in {wrong:,} of {repositories}{tail}")


def _document(checked: Checked) -> dict[str, Any]:
    return {
        "repository": checked.repository.key,
        "unread_reason": checked.unread,
        "findings": [
            {
                "id": each.vulnerability_id,
                "severity": each.severity.name,
                "setting": each.package.name,
                "value": each.package.version,
                "title": each.title,
                "reason": each.description,
                "remedy": dict(each.extra),
            }
            for each in checked.findings
        ],
        "suppressed": [
            {"id": each.finding.vulnerability_id, "reason": each.reason, "expires": each.expires}
            for each in checked.suppressed
        ],
    }
