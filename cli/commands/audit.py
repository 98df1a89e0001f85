"""`audit`: the settings of a registry's repositories, compared with alerts.yml."""

import argparse
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from cli.audit_results import documents, print_results, print_unread
from cli.inputs import add_config_option, add_region_option, read_config
from cli.repository.running import running_images
from cli.session import Connect, OperatorClients, connected
from cli.terminal import print_json, remark, stepping
from lib.checks.expectations import Expectations
from lib.checks.settings import check
from lib.config.model import Config
from lib.core.suppressions import matcher
from lib.errors import ImageGoneError, SourceError
from lib.exports.checks import CHECK_EXPORTS, RepositoryCheck
from lib.models import Finding, Image, Suppressed
from lib.ports.sources import RepositorySource

HELP = "check how repositories are set up: tags, scanning, lifecycle, encryption"
DESCRIPTION = (
    "Check the repositories of a registry against `repositories` of the configuration, or its "
    "defaults, with your AWS credentials and region: whether tags can be overwritten, whether "
    "pushed images are scanned, whether old images expire. Each result names its repositories, "
    "its risk or cost, and the fix. No deployment is needed, and nothing is changed. Other "
    "formats: JSON, CSV and SARIF. Exit code 1 when something is found, or when a repository "
    "could not be read. The other repositories are checked all the same."
)


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
    running = running_images(clients)
    source = EcrRepositories(clients.get("ecr"), running)
    checked = _checked(source, options.repository, config)
    _print(checked, options.format)
    for reason in running.refusals:
        remark(f"what runs is not known: {reason}")
    print_unread(checked)
    return int(any(result.findings or result.unread is not None for result in checked))


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
        repositories = [
            repository
            for repository in (*source.repositories(), *_templates(source))
            if fnmatchcase(repository.repository, glob)
        ]
        steps.expect(len(repositories), "checking")
        for repository in repositories:
            checked += _check(source, repository, config)
            steps.advance()
    return checked


def _templates(source: RepositorySource) -> Sequence[Image]:
    """Return the creation templates; none, with a remark, where they may not be listed."""
    try:
        return source.templates()
    except SourceError as error:
        remark(f"creation templates are not checked: {error}")
        return ()


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
    for finding in check(settings, config.repositories or Expectations(), now=now):
        entry = suppress(finding)
        if entry is None:
            findings.append(finding)
        else:
            suppressed.append(entry)
    yield RepositoryCheck(repository, findings, suppressed)
