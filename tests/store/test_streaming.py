"""The text of an object in parts: the same text, and never all of it at once."""

import gzip
from dataclasses import replace
from typing import Any

from lib.store.documents import text_of
from lib.store.objects import FASTEST, compressed
from lib.store.packed import packed
from lib.store.streaming import parts_of
from tests.store.test_typed import IMAGE, STATE, VIEW
from tests.support.builders import a_finding, a_report, an_unusable_report
from tests.support.digests import a_digest_of
from tests.support.every import every
from tests.support.notices import a_message, notices
from tests.support.streams import a_lifecycle, a_part, a_state, a_watched

MANY = [a_finding(f"CVE-2024-{number * 7919 % 10_007:05d}") for number in range(1_200)]
LARGE = a_message(
    a_state(a_watched(*MANY), lifecycles={one.vulnerability_id: a_lifecycle() for one in MANY})
)
MESSAGES = [notice.message for notice in notices().values()]


@every(
    "data",
    [
        STATE,
        IMAGE,
        VIEW,
        LARGE,
        packed(LARGE),
        a_report(*MANY),
        an_unusable_report(),
        a_digest_of(),
        *MESSAGES,
    ],
)
def test_the_parts_are_the_text(data: Any) -> None:
    """To the byte: the key of an object is the hash of its text."""
    assert "".join(parts_of(data)) == text_of(data)


def test_the_rows_of_a_report_are_those_of_the_state_that_follows() -> None:
    """Their text is made once; other rows have their own."""
    report, other = a_report(*MANY), a_report(*MANY[::-1])
    watched = a_watched(parts=(a_part(),))
    evidence = replace(watched.parts[0].evidence[0], findings=report.findings)
    state = a_state(replace(watched, parts=(replace(watched.parts[0], evidence=(evidence,)),)))

    for data in (report, state, other, report):
        assert "".join(parts_of(data)) == text_of(data)


def test_no_part_has_all_that_is_many() -> None:
    """Changes and lifecycles are written by hundreds; the columns of findings are one part."""
    parts = [*parts_of(LARGE)]

    assert len(parts) > 10
    assert max(map(len, parts)) < len(text_of(LARGE)) / 2


def test_the_same_text_is_compressed_to_the_same_bytes() -> None:
    """Also on another day: the time in the header is fixed."""
    first, second = (compressed(["a ☃", "b"], FASTEST) for _ in range(2))

    assert first == second
    assert gzip.decompress(first.content).decode() == "a ☃b"
    assert first.size == 6
