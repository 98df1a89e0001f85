"""`audit`: the settings of a registry's repositories, compared with alerts.yml."""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from cli.inputs import add_config_option, add_region_option, read_config
from cli.repository.running import running_images
from cli.session import Connect, OperatorClients, connected
from cli.terminal import complain, print_json, remark, say, stepping
from lib.checks.expectations import Expectations
from lib.checks.findings import CLOUDFORMATION, COMMAND, DIFFERENCE, REMARK
from lib.checks.settings import check
from lib.core.suppressions import Suppression, matcher
from lib.errors import ImageGoneError, NotAllowedError
from lib.models import Finding, Image, Suppressed
from lib.ports.sources import RepositorySource
from lib.text import clean, counted

HELP = "check how repositories are set up: tags, scanning, lifecycle, encryption"
DESCRIPTION = (
    "Check the repositories of a registry against `repositories` of the configuration, or its "
    "defaults, with your AWS credentials and region: whether tags can be overwritten, whether "
    "pushed images are scanned, whether old images expire. Each result has its risk or cost, and "
    "the fix. No deployment is needed, and nothing is changed. Exit code 1 when something is "
    "found or could not be read."
)


@dataclass(frozen=True, slots=True)
class RepositoryCheck:
    """The findings of a repository."""

    repository: Image
    findings: Sequence[Finding] = ()
    suppressed: Sequence[Suppressed] = ()
    unread: str | None = None
    """The reason why the repository could not be checked completely; None if it was."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("--repository", metavar="GLOB", default="*", help='such as "payments/*"')
    parser.add_argument("--format", choices=("json", "table"), default="table")
    add_region_option(parser)
    add_config_option(parser)


def run(options: argparse.Namespace, connect: Connect = OperatorClients) -> int:
    """Check all repositories in scope, and print the findings."""
    from lib.sources.repositories import EcrRepositories

    config = read_config(options.config)
    if config.repositories is None:
        remark("the configuration has no `repositories`: checked against the defaults")
    expected = config.repositories or Expectations()
    with stepping("listing repositories") as steps:
        clients = connected(options, connect)
        running = running_images(clients)
        source = EcrRepositories(clients.get("ecr"), running)
        repositories = [
            repository
            for repository in source.repositories()
            if fnmatchcase(repository.repository, options.repository)
        ]
        steps.expect(len(repositories), "checking")
        checked: list[RepositoryCheck] = []
        for repository in repositories:
            checked += _checked(source, repository, expected, config.suppressions)
            steps.advance()
    if options.format == "json":
        print_json([_document(result) for result in checked])
    else:
        _print(checked)
    for reason in running.refusals:
        remark(f"what runs is not known: {reason}")
    unread = [result for result in checked if result.unread is not None]
    for result in unread:
        complain(f"{result.repository.repository} could not be checked: {result.unread}")
    return int(bool(unread) or any(result.findings for result in checked))


def _checked(
    source: RepositorySource,
    repository: Image,
    expected: Expectations,
    suppressions: Sequence[Suppression],
) -> Iterable[RepositoryCheck]:
    now = datetime.now(UTC)
    try:
        settings = source.settings(repository)
    except ImageGoneError:
        # Deleted meanwhile.
        return
    except NotAllowedError as error:
        yield RepositoryCheck(repository, unread=str(error))
        return
    suppress = matcher(suppressions, repository, now.date())
    judged = [(finding, suppress(finding)) for finding in check(settings, expected, now=now)]
    yield RepositoryCheck(
        repository,
        [finding for finding, left_out in judged if left_out is None],
        [left_out for _, left_out in judged if left_out is not None],
    )


def _print(checked: Sequence[RepositoryCheck]) -> None:
    for result in checked:
        if not result.findings:
            continue
        say(result.repository.repository, style="bold")
        for finding in result.findings:
            say(f"{finding.severity.name} {finding.vulnerability_id}: {finding.title}")
            say(finding.description or "")
            if REMARK in finding.extra:
                say(finding.extra[REMARK])
            for line in finding.extra.get(DIFFERENCE, "").splitlines():
                print(f"    {clean(line)}")
            # Whole and unwrapped, to be copied.
            print(f"    $ {clean(finding.extra[COMMAND])}")
            for line in finding.extra[CLOUDFORMATION].splitlines():
                print(f"    | {clean(line)}")
        say()
    total = sum(len(result.findings) for result in checked)
    wrong = sum(bool(result.findings) for result in checked)
    left_out = sum(len(result.suppressed) for result in checked)
    tail = f", {left_out} left out by suppressions" if left_out else ""
    repositories = counted(len(checked), "repository", "repositories")
    say(f"{counted(total, 'finding')} in {wrong:,} of {repositories}{tail}")


def _document(checked: RepositoryCheck) -> dict[str, Any]:
    return {
        "repository": checked.repository.key,
        "unread_reason": checked.unread,
        "findings": [
            {
                "id": finding.vulnerability_id,
                "severity": finding.severity.name,
                "setting": finding.package.name,
                "value": finding.package.version,
                "title": finding.title,
                "reason": finding.description,
                "remedy": dict(finding.extra),
            }
            for finding in checked.findings
        ],
        "suppressed": [
            {"id": entry.finding.vulnerability_id, "reason": entry.reason, "expires": entry.expires}
            for entry in checked.suppressed
        ],
    }
