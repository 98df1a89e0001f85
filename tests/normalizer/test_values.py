"""Single values: read in every form in which they occur, and never an error."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.models import Severity
from lib.normalizer import values
from tests.support.every import every

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


@every(
    ("written", "expected"),
    [
        ("2024-09-04T16:55:38Z", datetime(2024, 9, 4, 16, 55, 38, tzinfo=UTC)),
        ("Dec 3, 2021, 6:02:30 PM", datetime(2021, 12, 3, 18, 2, 30, tzinfo=UTC)),
        ("Dec 3, 2021, 6:02:30\u202fPM", datetime(2021, 12, 3, 18, 2, 30, tzinfo=UTC)),
        ("Oct 16, 2019, 12:00:00 AM", datetime(2019, 10, 16, tzinfo=UTC)),
        ("Wed Sep 04 16:55:38.411 UTC 2024", datetime(2024, 9, 4, 16, 55, 38, 411000, tzinfo=UTC)),
        ("Wed Sep 04 16:55:38 UTC 2024", datetime(2024, 9, 4, 16, 55, 38, tzinfo=UTC)),
        (1760538840.414, datetime(2025, 10, 15, 14, 34, 0, 414000, tzinfo=UTC)),
        (1698376478, datetime(2023, 10, 27, 3, 14, 38, tzinfo=UTC)),
        ("1698376478", datetime(2023, 10, 27, 3, 14, 38, tzinfo=UTC)),
        (1698376478000, datetime(2023, 10, 27, 3, 14, 38, tzinfo=UTC)),
        ("2024-06-14T04:03:53.051000+02:00", datetime(2024, 6, 14, 2, 3, 53, 51000, tzinfo=UTC)),
        ("2026-03-13 22:38:57.161000+01:00", datetime(2026, 3, 13, 21, 38, 57, 161000, tzinfo=UTC)),
        (
            datetime(2024, 6, 14, 4, tzinfo=timezone(timedelta(hours=2))),
            datetime(2024, 6, 14, 2, tzinfo=UTC),
        ),
        (datetime(2024, 6, 14, 4), datetime(2024, 6, 14, 4, tzinfo=UTC)),  # noqa: DTZ001  # naive
        (
            {"__class__": "datetime", "year": 2021, "month": 5, "day": 6, "hour": 7},
            datetime(2021, 5, 6, 7, tzinfo=UTC),
        ),
        ("2025-10-10T19:13:02.74Z", datetime(2025, 10, 10, 19, 13, 2, 740000, tzinfo=UTC)),
    ],
)
def test_moment_reads_every_format(written: Any, expected: datetime) -> None:
    """All ways in which AWS and its tools write a time give the same time in UTC."""
    found = values.moment(written)

    assert found == expected
    assert found.tzinfo is UTC


@every(
    "written",
    [
        None,
        "",
        "abcd",
        "2023-02-29T02:36:48Z",
        "9Z",
        "Foo 3, 2021, 6:02:30 PM",
        "Wed Sep 04 16:55:38.411 CEST 2024",
        float("nan"),
        float("inf"),
        10**400,
        True,
        [],
        {},
        {"__class__": "datetime"},
        {"__class__": "datetime", "year": None},
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
        "Dec 3, 9999, 6:02:30 PM",
        datetime(9999, 12, 31, tzinfo=UTC),
        {"__class__": "datetime", "year": 9999, "month": 12, "day": 31},
    ],
)
def test_moment_answers_none_for_what_is_no_time(written: Any) -> None:
    """Impossible and unreadable times are absent."""
    assert values.moment(written) is None


@given(st.datetimes().map(str) | st.integers() | st.floats())
def test_a_year_can_be_added_to_every_moment(written: Any) -> None:
    """Rows are kept for a year from the time of their event."""
    found = values.moment(written)

    assert found is None or found - timedelta(days=400) < found + timedelta(days=400)


@settings(deadline=None)  # other work may share the machine
@given(ANYTHING)
def test_nothing_makes_a_value_fail(value: Any) -> None:
    """Every reader takes every JSON value."""
    values.moment(value)
    values.severity(value)
    values.text(value)
    values.as_text(value)
    values.texts(value)
    values.number(value)
    values.count(value)
    values.counts(value)
    values.link(value)
    values.links(value)
    values.digest(value)


@every(
    "written",
    ["", " ", "NotAvailable", "None Provided", "N/A", "null", "not yet assigned", None, 5],
)
def test_text_drops_placeholders(written: Any) -> None:
    """Words for "no value" are no value."""
    assert values.text(written) is None


def test_text_is_trimmed_and_has_plain_newlines() -> None:
    """Leading newlines, indentation and CRLF are the source's formatting, not content."""
    assert values.text("\n  one\r\ntwo \n") == "one\ntwo"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (["a", "b", "a", "N/A", None], ("a", "b")),
        ("latest", ("latest",)),
        (None, ()),
        ([], ()),
        ({"a": 1}, ()),
    ],
)
def test_texts_are_distinct_and_in_order(written: Any, expected: tuple[str, ...]) -> None:
    """A list of texts keeps its order; one text is a list of one."""
    assert values.texts(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("CRITICAL", (Severity.CRITICAL, None)),
        ("high", (Severity.HIGH, None)),
        ("UNDEFINED", (Severity.UNKNOWN, "UNDEFINED")),
        ("UNTRIAGED", (Severity.UNKNOWN, "UNTRIAGED")),
        ("Moderate", (Severity.UNKNOWN, "Moderate")),
        (" ", (Severity.UNKNOWN, None)),
        (None, (Severity.UNKNOWN, None)),
    ],
)
def test_severity_keeps_words_it_does_not_know(written: Any, expected: Any) -> None:
    """Words off the scale are UNKNOWN, and stay readable."""
    assert values.severity(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [("4.6", 4.6), ("5", 5.0), (0, 0.0), ("x", None), (True, None), ("nan", None), (10**400, None)],
)
def test_number_reads_text(written: Any, expected: float | None) -> None:
    """Numbers may be text; what is not finite is no number."""
    assert values.number(written) == expected


@pytest.mark.parametrize(("written", "expected"), [(3, 3), ("2", 2), (-1, None), (None, None)])
def test_count_is_never_negative(written: Any, expected: int | None) -> None:
    """Counts are zero or more."""
    assert values.count(written) == expected


def test_counts_name_every_severity_and_keep_total_apart() -> None:
    """Missing levels are zero, words off the scale are UNKNOWN, TOTAL is not a severity."""
    found = values.counts({"HIGH": 2, "UNTRIAGED": 1, "UNDEFINED": 1, "LOW": "x", "TOTAL": 9})

    assert found is not None
    by_severity, total = found
    assert total == 9
    assert by_severity == {
        Severity.CRITICAL: 0,
        Severity.HIGH: 2,
        Severity.MEDIUM: 0,
        Severity.LOW: 0,
        Severity.INFORMATIONAL: 0,
        Severity.UNKNOWN: 2,
    }


@every(
    ("written", "expected"),
    [
        ("https://a.example/x ", "https://a.example/x"),
        ("http://a.example/x", "https://a.example/x"),
        (
            "http://cve.mitre.org/cgi-bin/cvename.cgi?name=CVE-2020-1",
            "https://www.cve.org/CVERecord?id=CVE-2020-1",
        ),
        ("javascript:alert(1)", None),
        ("https://a.example/a b", None),
        ("https://a.example/\u202e", None),
        (f"https://a.example/{'x' * 3000}", None),
        ("", None),
        (7, None),
    ],
)
def test_link_is_an_address_or_nothing(written: Any, expected: str | None) -> None:
    """Links are trimmed and https; anything else is dropped."""
    assert values.link(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (None, None),
        ([], None),
        ("N/A", None),
        ("said", "said"),
        (3, "3"),
        ({"a": [1]}, '{"a":[1]}'),
        (datetime(2024, 1, 1, tzinfo=UTC), "2024-01-01T00:00:00+00:00"),
    ],
)
def test_as_text_keeps_unknown_values(written: Any, expected: str | None) -> None:
    """Unknown fields survive as text."""
    assert values.as_text(written) == expected


def test_as_text_gives_up_on_what_has_no_end() -> None:
    """A value nested beyond measure is abbreviated, not an error."""
    endless: list[Any] = []
    endless.append(endless)

    assert values.as_text(endless) == "…"


def test_digest_must_say_its_algorithm() -> None:
    """Only "sha256:…" identifies an image; AWS's samples are not always hexadecimal."""
    assert values.digest("sha256:12EXAMPLE") == "sha256:12EXAMPLE"
    assert values.digest("latest") == ""
    assert values.digest(None) == ""
