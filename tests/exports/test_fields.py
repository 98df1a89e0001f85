"""Every field of a finding is in every export and on the page, or on a list with the reason."""

from collections.abc import Callable, Mapping

import pytest

from lib.exports import EXPORTS
from lib.models import Finding, Package, Severity
from lib.page import render
from tests.support.builders import NOW, a_report
from tests.support.every import every
from tests.support.fields import PATHS, SCORE, marked
from tests.support.pages import about

_SOURCE_ONLY = "how the source writes what `severity` says"
_LARGE = "fields without a name of their own; `normalize` has them"
_TIMES = "times of the scanner; the history of a stream has ours"
LEFT_OUT: Mapping[str, Mapping[str, str]] = {
    "csv": {"extra": _LARGE},
    "ocsf": {
        "source_severity": _SOURCE_ONLY,
        "extra": _LARGE,
        "platforms": "OCSF 1.8.0 has one resource for each event",
        "package.layer": "OCSF 1.8.0 has no layer of a package",
    },
    "sarif": {
        "source_severity": _SOURCE_ONLY,
        "aliases": "GitHub shows one id for each rule",
        "first_observed_at": _TIMES,
        "last_observed_at": _TIMES,
        "extra": _LARGE,
        "platforms": "a run is about one image",
        "package.manager": "the rule's name says whether it is a package of the OS",
        "package.purl": "GitHub has no place for it",
        "score.version": "GitHub reads the value only",
        "score.vector": "GitHub reads the value only",
        "score.source": "GitHub reads the value only",
    },
    "page": {
        "source_severity": _SOURCE_ONLY,
        "first_observed_at": _TIMES,
        "last_observed_at": _TIMES,
        "extra": _LARGE,
        "score.version": "the vector names it",
        "score.source": "the page shows one score",
    },
}
"""Fields that a format leaves out, with the reason."""
FINDING = Finding(
    "CVE-2026-0001", Package("openssl", "1.0", path="usr/lib"), Severity.LOW, score=SCORE
)


def page(finding: Finding) -> str:
    """Return the page of an image with one finding."""
    return render(about(a_report(finding)), (), now=NOW)


def _export(name: str) -> Callable[[Finding], str]:
    return lambda finding: EXPORTS[name]([a_report(finding)])


WRITERS = {**{name: _export(name) for name in EXPORTS}, "page": page}


@every("path", PATHS)
@every("name", WRITERS)
def test_a_field_is_written_or_listed(name: str, path: str) -> None:
    """A new field changes the text of each format, unless a reason says why not."""
    write = WRITERS[name]

    changes = write(FINDING) != write(marked(FINDING, path))

    place = "lib/page" if name == "page" else f"lib/exports, format {name}"
    assert changes or path in LEFT_OUT[name], (
        f"{path} is not written by {place}: write it, or list it in LEFT_OUT of {__name__}"
    )
    assert not (changes and path in LEFT_OUT[name]), f"{path} is written: take it from LEFT_OUT"


@pytest.mark.parametrize("name", LEFT_OUT)
def test_the_lists_name_fields(name: str) -> None:
    """A field that was renamed or removed is not listed any more."""
    assert set(LEFT_OUT[name]) <= set(PATHS)
    assert name in WRITERS
