"""The benchmarks: they still run, and the tables on the page are theirs."""

import time
from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks import core, growth, stages
from benchmarks.events import pages
from benchmarks.stages import CALLS, FINDINGS, REST, Stopwatch, in_words


def test_an_event_and_its_message_run_without_aws(tmp_path: Path) -> None:
    """With stores in memory: what is assembled there is assembled as in a function."""
    page = pages("enhanced", 20)("DescribeImageScanFindings", {"maxResults": 100})
    (tmp_path / "0").write_bytes(page)

    peak = growth.event("enhanced", 20, tmp_path)

    assert peak.started <= peak.scan <= peak.message


def test_calls_are_counted_against_their_goal() -> None:
    """Two pages of basic findings, fifteen of enhanced ones."""
    assert [(figure.measured, figure.met) for figure in core.calls()] == [("2", True), ("15", True)]


def test_stages_are_timed_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one stage calls of another is that other's; all else is the rest."""
    clock = iter([0.0, 1.0, 3.0, 7.0, 15.0, 31.0])
    monkeypatch.setattr(time, "process_time", lambda: next(clock))
    watch = Stopwatch()
    inner = watch.timed(FINDINGS, lambda: None)
    outer = watch.timed(CALLS, inner)

    shares = watch.time(outer)

    assert shares == {REST: 1.0 + 16.0, CALLS: 2.0 + 8.0, FINDINGS: 4.0}
    assert in_words({CALLS: 0.0104}) == "calls of AWS with pages as JSON 10 ms"
    assert stages.medians([{"a": 1, "b": 3}, {"a": 3, "b": 5}]) == {"b": 4, "a": 2}


def test_the_tables_of_the_page_are_replaced() -> None:
    """What stands around them stays; a page without their places is an error."""
    figures = [core.Figure("time", "at most 2 s", "1 s", met=True), core.Figure("size", "", "3 MB")]
    page = bench.PAGE.read_text("utf-8")

    for name in (bench.FIGURES, bench.COSTS):
        changed = bench.replaced(page, name, bench.table(figures))

        assert "| time | at most 2 s | 1 s | met |\n| size |  | 3 MB |  |" in changed
        assert bench.replaced(changed, name, "") == bench.replaced(page, name, "")
    with pytest.raises(ValueError, match="figures"):
        bench.replaced("a page", bench.FIGURES, "")
