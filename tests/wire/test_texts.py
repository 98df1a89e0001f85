"""Texts of many objects at once: each is what one object alone would be."""

import json
from typing import Final

from lib.models import Package, Score
from lib.wire.fields import fields_of
from lib.wire.texts import TextWriter

PACKAGES: Final = [
    Package("zlib"),
    Package("zlib", version="1.3"),
    Package('of "quotes"', path="usr/lib/ä"),
    Package("zlib"),
]


def test_each_object_is_written_without_its_defaults() -> None:
    """Equal objects have equal texts, beside whatever others."""
    texts = TextWriter(fields_of(Package)).texts(PACKAGES)

    assert [json.loads(text) for text in texts] == [
        {"name": "zlib"},
        {"name": "zlib", "version": "1.3"},
        {"name": 'of "quotes"', "path": "usr/lib/ä"},
        {"name": "zlib"},
    ]
    assert [TextWriter(fields_of(Package)).texts([package])[0] for package in PACKAGES] == texts


def test_objects_of_defaults_alone_are_empty() -> None:
    """A score of which only the version is written can have nothing to say."""
    fields = [field for field in fields_of(Score) if field.name == "version"]

    assert TextWriter(fields).texts([Score(7.5), Score(9.8)]) == ["{}", "{}"]


def test_no_objects_have_no_texts_and_none_is_null() -> None:
    """A state without vulnerabilities is written, too."""
    assert TextWriter(fields_of(Package)).texts([]) == []
    assert TextWriter(fields_of(Package)).texts([None, PACKAGES[0]]) == ["null", '{"name":"zlib"}']


def test_fields_can_have_another_name_in_documents() -> None:
    """As a lifecycle's `left_current` has."""
    names = {"name": "called"}

    (text,) = TextWriter(fields_of(Package), names=names).texts([Package("zlib")])

    assert json.loads(text) == {"called": "zlib"}
