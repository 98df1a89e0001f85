"""The documents and the configuration of commands: files, stdin, and AWS on request."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from cli.alerts_file import load_file
from cli.parser import CONFIG_VARIABLE, DEFAULT_CONFIG
from cli.terminal import remark, working
from lib.bootstrap.app import App
from lib.bootstrap.clients import Clients
from lib.bootstrap.settings import Settings
from lib.config.model import Config
from lib.core.evidence import PARTIAL_PATIENCE, NotReady, evidence_of
from lib.core.provenance import NOT_ASKED, completed
from lib.errors import ConfigError, DocumentError
from lib.flows.fetching import in_full
from lib.models import AnyReport, Report, UnusableReport
from lib.normalizer.contents import text_of
from lib.normalizer.details import FindingDetails
from lib.normalizer.document_parts import NO_PLACE, Place
from lib.normalizer.documents import (
    NormalizedDocument,
    details_in,
    has_only_details,
    normalize_document,
)
from lib.normalizer.files import document_of_file

STDIN: Final = "-"
NO_RULES: Final = Config(destinations=MappingProxyType({}), routes=())
"""The configuration of somebody who has none yet."""
MOST_BYTES: Final = 256 * 1024 * 1024
"""Several times ECR's answer about an image with 100,000 findings."""
_TOO_LARGE: Final = f"it is too large: at most {MOST_BYTES // 1024**2} MiB; split it"


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """Declare --config."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help=f"the configuration (default: {CONFIG_VARIABLE}, or {DEFAULT_CONFIG})",
    )


def add_fetch_options(parser: argparse.ArgumentParser) -> None:
    """Declare --fetch, --region and --account."""
    parser.add_argument(
        "--fetch",
        action="store_true",
        help="fetch the findings of scan events from ECR, with your AWS credentials",
    )
    add_region_option(parser)
    add_place_options(parser)


def add_place_options(parser: argparse.ArgumentParser) -> None:
    """Declare --account, and --region with the meaning that it has for documents."""
    parser.add_argument(
        "--account",
        default="",
        metavar="ID",
        help="the account of images for which the document names none",
    )


def place_of(options: argparse.Namespace) -> Place:
    """Return the account and region of images that a document does not place."""
    environment = (os.environ.get(name) for name in ("AWS_REGION", "AWS_DEFAULT_REGION"))
    stated = (getattr(options, "region", None), *environment)
    return Place(options.account, next((region for region in stated if region), ""))


def add_region_option(parser: argparse.ArgumentParser) -> None:
    """Declare --region."""
    parser.add_argument(
        "--region",
        default=argparse.SUPPRESS,
        help="AWS region (default: that of the stage, AWS_REGION, or the profile)",
    )


def read_config(path: str) -> Config:
    """Read and check a configuration file. Raises `ConfigError` with file, line and what."""
    if path == DEFAULT_CONFIG and not Path(path).exists():
        raise ConfigError(
            f"{path}: there is no such file here; name yours by --config FILE or {CONFIG_VARIABLE}"
        )
    return load_file(Path(path), today=datetime.now(UTC).date())


def optional_config(options: argparse.Namespace) -> Config:
    """
    Read the configuration; the default one may be missing. Raises `ConfigError` as above.

    A file that nobody named is named in a remark: it may be somebody else's.
    """
    if options.config_is_named:
        return read_config(options.config)
    if not Path(options.config).is_file():
        return NO_RULES
    remark(f"routes and suppressions are those of {options.config} here; --config names another")
    return read_config(options.config)


def read_document(path: str) -> Any:
    """
    Parse a file: JSON in any encoding, lines or runs of it, gzip, or Inspector's CSV.

    Several values become a list. Raises `DocumentError` for anything else, saying what or where.
    """
    return document_of_file(_content(path), limit=MOST_BYTES)


def read_text(path: str) -> str:
    """Return a text, decompressed and decoded. Raises `DocumentError` for what is none."""
    try:
        return text_of(_content(path), limit=MOST_BYTES)
    except DocumentError as error:
        raise DocumentError(f"{_name(path)}: {error}") from error


def _content(path: str) -> bytes:
    if path != STDIN:
        # A device or a pipe has no size, so what was read counts as well.
        if Path(path).stat().st_size > MOST_BYTES:
            raise DocumentError(_TOO_LARGE)
        with Path(path).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    elif sys.stdin is None:
        raise DocumentError("it is closed; name a file")
    else:
        content = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise DocumentError(_TOO_LARGE)
    return content


def read_reports(
    paths: Sequence[str], *, place: Place = NO_PLACE, source: App | None = None
) -> list[AnyReport]:
    """
    Normalize documents; what was left out is said on stderr.

    `place`: of images that a document does not place.

    Details of findings in one document complete the findings in another. With `source`, scan events
    are completed with their findings. Raises `DocumentError`.
    """
    documents = [(path, _read(path)) for path in paths]
    several = len(documents) > 1
    details = {arn: row for _, one in documents if several for arn, row in details_in(one).items()}
    label = "reading" if source is None else "reading and fetching"
    reports: list[AnyReport] = []
    only_details = []
    joined: set[str] = set()
    with working(label, total=len(paths)) as advance:
        for path, document in documents:
            if several and has_only_details(document):
                only_details.append((path, document))
            else:
                normalized = _normalized(path, document, details, place)
                joined |= normalized.joined
                reports.extend(_traced(_completed(one, source)) for one in normalized.reports)
            advance()
    for path, document in only_details:
        if joined.isdisjoint(details_in(document)):
            _normalized(path, document, {}, place)
    return reports


def _read(path: str) -> Any:
    try:
        return read_document(path)
    except RecursionError:
        raise DocumentError(f"{_name(path)}: it is nested too deeply") from None
    except MemoryError:
        raise DocumentError(f"{_name(path)}: {_TOO_LARGE}") from None
    except DocumentError as error:
        raise DocumentError(f"{_name(path)}: {error}") from error


def _normalized(
    path: str, document: Any, details: Mapping[str, FindingDetails], place: Place
) -> NormalizedDocument:
    try:
        normalized = normalize_document(document, details=details, place=place)
    except MemoryError:
        raise DocumentError(f"{_name(path)}: {_TOO_LARGE}") from None
    except DocumentError as error:
        raise DocumentError(f"{_name(path)}: {error}") from error
    for content in normalized.left_out:
        remark(f"{_name(path)}: left out: {content}")
    return normalized


def _traced(report: AnyReport) -> AnyReport:
    """Return a report with the commit that a tag of its image names."""
    return replace(report, provenance=completed(NOT_ASKED, report.image))


def _completed(report: AnyReport, source: App | None) -> AnyReport:
    if source is None or not isinstance(report, UnusableReport):
        return report
    return believed(in_full(source.source.report(report.image, report.scan)))


def believed(report: AnyReport) -> AnyReport:
    """Return a fetched report. Raises `DocumentError` for a list of nothing that proves nothing."""
    judged = evidence_of(report, age=PARTIAL_PATIENCE) if isinstance(report, Report) else report
    if isinstance(judged, NotReady):
        raise DocumentError(f"{report.image.name}: {judged.reason}: it is no result yet")
    return judged


def operator_app(config: Config | None, clients: Clients) -> App:
    """
    Return the objects of `lib.bootstrap` with the operator's own credentials and region.

    They belong to no stage, whatever the shell calls STAGE: secrets are read as written.
    """
    environment = {name: value for name, value in os.environ.items() if name != "STAGE"}
    return App(Settings(environment), clients=clients, config=config)


def _name(path: str) -> str:
    return "stdin" if path == STDIN else path
