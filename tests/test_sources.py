"""A source of findings has all that a source needs: no step of adding one is missed."""

import json
from pathlib import Path

import pytest

from lib.core.scanners import SCANNERS
from lib.errors import DocumentError
from lib.models import AnyReport, FindingEvent, ScanEvent, ScanSource
from lib.normalizer.documents import normalize_document
from lib.normalizer.events import EVENT_PATTERNS, KINDS, parse_event
from lib.normalizer.readers import SOURCES
from lib.wire.own_events import SOURCE as OURS

ROOT = Path(__file__).parents[1]
WITH_FINDINGS = [source for source in ScanSource if source is not ScanSource.REPOSITORY]
"""The others have no rows to read: a check of settings makes its findings itself."""
RULES = (ROOT / "deploy" / "template" / "events.yml").read_text("utf-8")
QUEUES = (ROOT / "deploy" / "template" / "queues.yml").read_text("utf-8")


@pytest.mark.parametrize("source", WITH_FINDINGS)
def test_a_source_has_a_reader(source: ScanSource) -> None:
    """Its rows become findings."""
    assert source in SOURCES, f"{source} has no reader: add it to lib/normalizer/readers.py"


@pytest.mark.parametrize("source", SOURCES)
def test_a_reader_has_a_source(source: ScanSource) -> None:
    """The constant is what routes, strategies and the steps below go by."""
    assert source in list(ScanSource), f"{source} has no constant: add it to ScanSource"


@pytest.mark.parametrize("source", WITH_FINDINGS)
def test_a_source_has_advice(source: ScanSource) -> None:
    """Of its scanner, for scans that fail and packages without a fix."""
    assert source.scanner in SCANNERS, (
        f"the scanner {source.scanner} has no advice: add a module and a line to "
        "lib/core/scanners/, or make it another API of a scanner in _SCANNERS of "
        "lib/models/scans.py"
    )


@pytest.mark.parametrize("source", WITH_FINDINGS)
def test_a_source_has_real_documents_that_are_normalized(source: ScanSource) -> None:
    """With their origin; the command `normalize` recognizes them."""
    folder = ROOT / "tests" / "findings" / source
    documents = sorted(folder.glob("*.json"))

    assert documents, f"add real documents to tests/findings/{source}"
    assert (folder / "ORIGIN.md").is_file(), f"say in {folder.name}/ORIGIN.md where they are from"
    sources = {report.scan.source for path in documents for report in reports_of(path)}
    assert source in sources, (
        f"no document of {source} is normalized as one: lib/normalizer/documents.py has to "
        "recognize it"
    )


def reports_of(path: Path) -> tuple[AnyReport, ...]:
    """Return the reports of a document; none for a document that is about no image."""
    try:
        return normalize_document(json.loads(path.read_text("utf-8"))).reports
    except DocumentError:
        return ()


@pytest.mark.parametrize("source", ScanSource)
def test_a_source_is_described_for_routes(source: ScanSource) -> None:
    """People write its name into `match.source`."""
    schema = json.loads((ROOT / "schemas" / "alerts-1.0.0.json").read_text("utf-8"))
    described = schema["$defs"]["match"]["properties"]["source"]["description"]

    assert source in described, f"name {source} at `source` in schemas/alerts-1.0.0.json"


@pytest.mark.parametrize("source", WITH_FINDINGS)
def test_a_scanner_has_a_real_event(source: ScanSource) -> None:
    """Without one, its scans are found by the hourly pass only."""
    events = [
        parse_event(json.loads(path.read_text("utf-8")))
        for path in sorted((ROOT / "tests" / "events").glob("[!o]*/*.json"))
    ]
    scans = [
        event.scan if isinstance(event, ScanEvent) else event.report.scan
        for event in events
        if isinstance(event, ScanEvent | FindingEvent)
    ]

    assert source.scanner in {scan.source.scanner for scan in scans}, (
        f"no event is one of {source}: add real ones to tests/events, and their kind to KINDS "
        "of lib/normalizer/events.py"
    )


@pytest.mark.parametrize("name", EVENT_PATTERNS)
def test_an_event_has_a_rule_that_may_write(name: str) -> None:
    """The rule matches it, and the policies of the queues let the rule write."""
    assert f"\n  {name}:\n    Type: AWS::Events::Rule\n" in RULES, (
        f"{name} has no rule: add it to deploy/template/events.yml"
    )
    assert f"- !GetAtt {name}.Arn\n" in QUEUES, (
        f"{name} may not write: name it in the policies of deploy/template/queues.yml"
    )


@pytest.mark.parametrize(("source", "detail_type"), KINDS)
def test_a_kind_of_event_has_a_schema_and_a_pattern(source: str, detail_type: str) -> None:
    """What is parsed is checked first, and arrives."""
    file, _, _ = KINDS[source, detail_type]
    patterns = [
        name
        for name, pattern in EVENT_PATTERNS.items()
        if (pattern["source"], pattern["detail-type"]) == ([source], [detail_type])
    ]

    assert (ROOT / "schemas" / "events" / file).is_file(), f"add schemas/events/{file}"
    assert patterns or source == OURS, (
        f"no rule matches {detail_type}: add a pattern to EVENT_PATTERNS of "
        "lib/normalizer/events.py"
    )


@pytest.mark.parametrize("name", EVENT_PATTERNS)
def test_a_pattern_has_a_kind_of_event(name: str) -> None:
    """What a rule matches is parsed."""
    (source,), (detail_type,) = (EVENT_PATTERNS[name][key] for key in ("source", "detail-type"))

    assert (source, detail_type) in KINDS, (
        f"{detail_type} is not parsed: add it to KINDS of lib/normalizer/events.py"
    )
