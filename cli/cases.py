"""The reports that `route` and `preview` judge, and what they are compared with: `--previous`."""

import argparse
from collections.abc import Sequence
from dataclasses import replace

from cli.inputs import place_of, read_reports
from cli.judging import KINDS, Case
from lib.bootstrap.app import App
from lib.config.model import Config
from lib.core.provenance import NOT_ASKED, completed
from lib.errors import DocumentError
from lib.models import AnyReport, UnusableReport
from lib.models.views import Kind
from lib.normalizer.document_parts import NO_FINDINGS
from lib.text import counted


def add_case_options(parser: argparse.ArgumentParser) -> None:
    """Declare --previous and --kind."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--previous",
        metavar="FILE",
        help="a document about the same image, or the image before it: judge what changed since",
    )
    group.add_argument(
        "--kind",
        type=str.upper,
        choices=[kind.value for kind in KINDS],
        help="judge as if all findings of the document were of this kind",
    )


def read_cases(options: argparse.Namespace, config: Config, source: App | None) -> list[Case]:
    """Return the reports of a document with what they are compared with. Raises `DocumentError`."""
    place = place_of(options)
    documents = read_reports([options.file], place=place, source=source)
    reports = [case_report(report, config) for report in documents]
    kind = None if options.kind is None else Kind(options.kind)
    if options.previous is None:
        return [Case(report, kind=kind) for report in reports]
    earlier = read_reports([options.previous], place=place, source=source)
    return [Case(report, _before(report, earlier, options.previous)) for report in reports]


def case_report(report: AnyReport, config: Config) -> AnyReport:
    """
    Return a report with what is known of its source, by its image and by alerts.yml.

    Raises `DocumentError` for a scan event that only announces findings.
    """
    if isinstance(report, UnusableReport) and report.scan.reason == NO_FINDINGS:
        raise DocumentError(
            f"{report.image.name}: the event carries no findings; add --fetch to get them from ECR"
        )
    provenance = completed(report.provenance or NOT_ASKED, report.image, config.sources)
    return replace(report, provenance=provenance)


def _before(report: AnyReport, earlier: Sequence[AnyReport], name: str) -> AnyReport:
    """Return the earlier report of the same image, else the only one of its repository."""
    same = [other for other in earlier if other.image.key == report.image.key]
    if same:
        return same[0]
    place = (report.image.repository, report.image.platform)
    others = [other for other in earlier if (other.image.repository, other.image.platform) == place]
    if len(others) == 1:
        return others[0]
    what = counted(len(others), "image") if others else "no image"
    raise DocumentError(f"{name} has {what} of {report.image.repository} that could be before it")
