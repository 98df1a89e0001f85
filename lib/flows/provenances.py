"""Where images are made from: read once, and never a reason to be silent about an image."""

from collections.abc import Sequence
from dataclasses import replace

from lib.core.provenance import NOT_ASKED, completed, not_read
from lib.models import AnyReport, Provenance
from lib.ports.sources import ProvenanceSource


def provenance_of(
    report: AnyReport, provenances: ProvenanceSource | None, *, stated: Provenance | None = None
) -> tuple[Provenance | None, Exception | None]:
    """
    Return the provenance in the image of a report, or one that says why it was not read.

    `stated`: what the image said before, which never changes. None: without `provenances` nobody
    asks.
    """
    if stated is not None or provenances is None:
        return stated, None
    try:
        return provenances.provenance(report.image, speaking_part(report)), None
    except Exception as error:  # noqa: BLE001  # whatever is wrong, the notification goes out
        return not_read(error), error


def traced(
    report: AnyReport, provenances: ProvenanceSource | None, sources: Sequence[tuple[str, str]]
) -> tuple[AnyReport, Exception | None]:
    """Return a report with the provenance of its image, or with why that was not read."""
    provenance, error = provenance_of(report, provenances)
    return replace(
        report, provenance=completed(provenance or NOT_ASKED, report.image, sources)
    ), error


def speaking_part(report: AnyReport) -> str | None:
    """Return the digest of the part of an index that speaks for it: the first with a result."""
    scanned = (part for part in report.parts if part.counts is not None)
    part = next(scanned, next(iter(report.parts), None))
    return None if part is None else part.digest
