"""`audit`: the settings of a registry's repositories, compared with alerts.yml."""

import argparse
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Final

from cli.audit_results import documents, print_results, print_unread
from cli.inputs import add_config_option, add_region_option, read_config
from cli.repository.running import running_images
from cli.session import Connect, OperatorClients, connected
from cli.terminal import print_json, remark, stepping
from lib.checks.expectations import Expectations
from lib.checks.unknown import checked as checked_settings
from lib.config.model import Config
from lib.core.suppressions import matcher
from lib.errors import ImageGoneError, SourceError
from lib.exports.checks import CHECK_EXPORTS, RepositoryCheck
from lib.models import Finding, Image, Suppressed, is_template
from lib.ports.sources import RepositorySource

HELP = "check how repositories are set up: tags, scanning, lifecycle, encryption"
DESCRIPTION = (
    "Check the repositories of a registry against `repositories` of the configuration, or its "
    "defaults, with your AWS credentials and region: whether tags can be overwritten, whether "
    "pushed images are scanned, whether old images expire. Each result names its repositories, "
    "its risk or cost, and the fix. No deployment is needed, and nothing is changed. Other "
    "formats: JSON, CSV and SARIF. Exit code 1 when something is found, or when something is not "
    "known: a call that is denied is named with its permission, and all checks that do without "
    "it are made."
)
_ALL_TEMPLATES: Final = Image("aws", "", "", "creation templates", "")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("--repository", metavar="GLOB", default="*", help='such as "payments/*"')
    parser.add_argument("--format", choices=("text", "json", *CHECK_EXPORTS), default="text")
    add_region_option(parser)
    add_config_option(parser)


def run(options: argparse.Namespace, connect: Connect = OperatorClients) -> int:
    """Check all repositories in scope, and print the findings."""
    from lib.sources.repositories import EcrRepositories

    config = read_config(options.config)
    if config.repositories is None:
        remark("the configuration has no `repositories`: checked against the defaults")
    clients = connected(options, connect)
    source = EcrRepositories(clients.get("ecr"), running_images(clients))
    checked = _checked(source, options.repository, config)
    _print(checked, options.format)
    print_unread(checked)
    return int(not all(result.is_sound for result in checked))


def _print(checked: Sequence[RepositoryCheck], wanted: str) -> None:
    if wanted == "json":
        print_json(list(documents(checked)))
    elif wanted in CHECK_EXPORTS:
        print(CHECK_EXPORTS[wanted](checked), end="")
    else:
        print_results(checked)


def _checked(source: RepositorySource, glob: str, config: Config) -> Sequence[RepositoryCheck]:
    """Check the repositories in scope. Raises `SourceError` if they cannot be listed."""
    checked: list[RepositoryCheck] = []
    with stepping("listing repositories") as steps:
        templates, unlisted = _templates(source)
        repositories = [
            repository
            for repository in (*source.repositories(), *templates)
            if fnmatchcase(repository.repository, glob)
        ]
        steps.expect(len(repositories), "checking")
        for repository in repositories:
            checked += _check(source, repository, config)
            steps.advance()
    # A plain name is that of a repository.
    return [*checked, *(unlisted if set(glob) & set("*?[") or is_template(glob) else ())]


def _templates(
    source: RepositorySource,
) -> tuple[Sequence[Image], Sequence[RepositoryCheck]]:
    """Return the creation templates. Where they may not be listed, that is a result."""
    try:
        return source.templates(), ()
    except SourceError as error:
        return (), [RepositoryCheck(_ALL_TEMPLATES, unread=str(error))]


def _check(
    source: RepositorySource, repository: Image, config: Config
) -> Iterator[RepositoryCheck]:
    """Yield the check of a repository; nothing if it was deleted meanwhile."""
    now = datetime.now(UTC)
    try:
        settings = source.settings(repository)
    except ImageGoneError:
        return
    except SourceError as error:
        # The others may be readable.
        yield RepositoryCheck(repository, unread=str(error))
        return
    suppress = matcher(config.suppressions, repository, now.date())
    findings: list[Finding] = []
    suppressed: list[Suppressed] = []
    result = checked_settings(settings, config.repositories or Expectations(), now=now)
    for finding in result.findings:
        entry = suppress(finding)
        if entry is None:
            findings.append(finding)
        else:
            suppressed.append(entry)
    yield RepositoryCheck(repository, findings, suppressed, unknown=result.unknown)
