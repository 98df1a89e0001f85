"""JSON as people keep it: one document, lines, runs, gzip, Base64, lines of a log."""

import base64
import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.errors import DocumentError
from lib.normalizer.contents import text_of, value_in, values_in
from tests.support.every import every

LIMIT = 1_000_000
OBJECTS = st.lists(
    st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=20)), min_size=1
)


def parsed(text: str | bytes) -> tuple[Any, ...]:
    """Return the values of a small file."""
    content = text.encode() if isinstance(text, str) else text
    return values_in(text_of(content, limit=LIMIT))


SEPARATORS = ("", "\n", "\r\n", "\n\n", " ", ",\n", "\n\x1e")


@given(objects=OBJECTS)
def test_objects_are_read_whatever_stands_between_them(objects: list[dict[str, Any]]) -> None:
    """Lines, runs without a break, sequences with a record separator."""
    rows = [json.dumps(one) for one in objects]
    texts = {separator: separator.join(rows) for separator in SEPARATORS}
    packed = {name: gzip.compress(text.encode(), mtime=0) for name, text in texts.items()}

    expected = dict.fromkeys(SEPARATORS, tuple(objects))
    assert {separator: parsed(text) for separator, text in texts.items()} == expected
    assert {separator: parsed(content) for separator, content in packed.items()} == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_any_encoding_of_json_is_read(encoding: str) -> None:
    """PowerShell writes UTF-16."""
    assert parsed('{"a": "ü"}'.encode(encoding)) == ({"a": "ü"},)


def test_lines_of_a_log_end_with_their_object() -> None:
    """`aws logs tail` puts time and stream before it."""
    text = '2026-11-20T10:06:00.000000+00:00 stream {"a": 1}\n2026-11-20T10:07:00 x {"a": {}}\n'

    assert parsed(text) == ({"a": 1}, {"a": {}})


def test_lines_of_a_log_without_an_object_stay_lines() -> None:
    """A function logs its start and end between events."""
    line = "2026-11-20T10:06:01.000Z START RequestId: 1 {broken"

    assert parsed(f'2026-11-20T10:06:00.000Z {{"a": 1}}\n{line}\n') == ({"a": 1}, line)


def test_what_was_compressed_twice_is_read() -> None:
    """As by an upload of a file that was compressed before."""
    assert parsed(gzip.compress(gzip.compress(b'{"a": 1}'), mtime=0)) == ({"a": 1},)


def test_files_of_gzip_one_after_the_other_are_one() -> None:
    """Log archives append compressed blocks."""
    assert parsed(gzip.compress(b'{"a": 1}', mtime=0) + gzip.compress(b'\n{"a": 2}', mtime=0)) == (
        {"a": 1},
        {"a": 2},
    )


@every(
    ("content", "reason"),
    [
        (b"", "not JSON: Expecting value"),
        (b"\n \n", "not JSON: Expecting value"),
        (b"{", "the JSON is cut: it ends inside of a value, in line 1"),
        (b'{"a": [1, 2', "the JSON is cut"),
        (b'{"a": "b', "the JSON is cut"),
        (b"{'a': 1}", "not JSON: Expecting property name"),
        (b'{"a": 1}\n{"b": \n', "line 2, after 1 value: the JSON is cut"),
        (b'{"a": 1}\n{"b": }\n{"c": 1}', "line 2, after 1 value: not JSON: "),
        (b'{"a": 1}\nfree text', "line 2, after 1 value: not JSON: Expecting value: line 2"),
        (b'{"a": 1}\nx {broken', "line 2, after 1 value: not JSON"),
        (b"9" * 5000, "not JSON: Exceeds the limit"),
        (b"\xff\xfe\xff", "not text in UTF-8"),
        (gzip.compress(b'{"a": 1}', mtime=0)[:-4], "this gzip file is cut"),
        (b"\x1f\x8b" + b"x" * 20, "this is not gzip"),
        (gzip.compress(b" " * (LIMIT + 1), mtime=0), "it is too large"),
    ],
)
def test_anything_else_is_refused_with_the_place(content: bytes, reason: str) -> None:
    """Nothing of a broken file is taken for the whole."""
    with pytest.raises(DocumentError) as caught:
        parsed(content)

    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}',
        '  {"a": 1}',
        base64.b64encode(b'{"a": 1, "b": "some more"}').decode(),
        base64.b64encode(gzip.compress(b'{"a": 1}', mtime=0)).decode(),
        json.dumps('{"a": 1}'),
        json.dumps(json.dumps('{"a": 1}')),
    ],
)
def test_a_text_can_hold_a_value(text: str) -> None:
    """CloudWatch Logs hands out gzip in Base64, Kinesis Base64 alone."""
    assert value_in(text, limit=LIMIT)["a"] == 1


def test_a_text_can_hold_several_values() -> None:
    """A record of Firehose holds a run of objects."""
    run = base64.b64encode(b'{"a": 1}{"a": 2}').decode()

    assert value_in(run, limit=LIMIT) == [{"a": 1}, {"a": 2}]
    assert value_in('{"a": 1}\n{"a": 2}', limit=LIMIT) == [{"a": 1}, {"a": 2}]


@every(
    "text",
    [
        "",
        "plain",
        '"a quoted text',
        "{broken",
        "[" * 100_000,
        "AAAAAAAAAAAAAAAAA",
        base64.b64encode(b"no JSON at all, sorry").decode(),
        base64.b64encode(b"{broken, and long enough").decode(),
        base64.b64encode(b"\xff" * 24).decode(),
        base64.b64encode(b"\x1f\x8b" + b"x" * 20).decode(),
        base64.b64encode(gzip.compress(b" " * (LIMIT + 1), mtime=0)).decode(),
    ],
)
def test_a_text_that_holds_none_stays_a_text(text: str) -> None:
    """Never an error: the document around it says what was found."""
    assert value_in(text, limit=LIMIT) == text
