"""Documents and configuration as the commands take them: files, stdin, and AWS when asked."""

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cli.alerts_file import load_file
from cli.terminal import remark, working
from lib.bootstrap import App, Clients, Settings
from lib.config import Config
from lib.errors import DocumentError, ScanAlertError
from lib.models import AnyReport, UnusableReport
from lib.sources.documents import normalize_document

DEFAULT_CONFIG: Final = "alerts.yml"
STDIN: Final = "-"


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """Declare --config."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        default=DEFAULT_CONFIG,
        help=f"the configuration (default: {DEFAULT_CONFIG})",
    )


def add_fetch_options(parser: argparse.ArgumentParser) -> None:
    """Declare --fetch and --region."""
    parser.add_argument(
        "--fetch",
        action="store_true",
        help="fetch the findings of scan events from ECR, with your AWS credentials",
    )
    add_region_option(parser)


def add_region_option(parser: argparse.ArgumentParser) -> None:
    """Declare --region."""
    parser.add_argument("--region", help="AWS region (default: that of your AWS configuration)")


def read_config(path: str) -> Config:
    """Read and check a configuration file. Raises `ConfigError` with file, line and what."""
    return load_file(Path(path), today=datetime.now(UTC).date())


def read_document(path: str) -> Any:
    """Parse one JSON document. Raises `DocumentError` saying where it stops being JSON."""
    text = sys.stdin.read() if path == STDIN else Path(path).read_text(encoding="utf-8-sig")
    try:
        return json.loads(text)
    except ValueError as error:
        raise DocumentError(f"{_name(path)}: not JSON: {error}") from error


def read_reports(path: str, *, source: App | None = None) -> list[AnyReport]:
    """
    Normalize one document; what was left out is said on stderr.

    With `source`, scan events are completed with their findings. Raises `DocumentError`.
    """
    document = read_document(path)
    try:
        normalized = normalize_document(document)
    except ScanAlertError as error:
        raise DocumentError(f"{_name(path)}: {error}") from error
    for each in normalized.left_out:
        remark(f"{_name(path)}: left out: {each}")
    return [_completed(report, source) for report in normalized.reports]


def _completed(report: AnyReport, source: App | None) -> AnyReport:
    if source is None or not isinstance(report, UnusableReport):
        return report
    with working(f"fetching findings of {report.image.name}"):
        return source.source.report(report.image, report.scan)


def operator_app(config: Config | None, *, region: str | None) -> App:
    """Return the objects of `lib.bootstrap` with the operator's own credentials and region."""
    return App(Settings(os.environ), clients=Clients(region=region), config=config)


def _name(path: str) -> str:
    return "stdin" if path == STDIN else path
