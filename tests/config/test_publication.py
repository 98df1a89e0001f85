"""What is published: revisions, broken objects, and who checks what."""

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from lib.config import publication
from lib.config.parsing import config_hash, parse
from lib.config.publication import (
    FORMAT,
    REVISIONS,
    UNKNOWN,
    Publication,
    described,
    following,
    in_force,
    read_publication,
    revision_of,
    to_text,
)
from lib.config.schema import fingerprint
from lib.errors import ConfigError
from tests.support.builders import NOW
from tests.support.every import every

TODAY = date(2026, 11, 24)
DOCUMENT: dict[str, Any] = {
    "version": 1,
    "destinations": {"team": {"type": "slack", "webhook": {"secret": "ecr-scan-alerts/team"}}},
    "routes": [{"name": "all", "notify": ["team"]}],
}
OTHER = {**DOCUMENT, "routes": [{"name": "all", "severity": "LOW", "notify": ["team"]}]}


def first() -> Publication:
    return following(None, DOCUMENT, by="arn:one", at=NOW, note="begin")


def test_a_publication_is_read_as_it_was_written() -> None:
    """Document, revisions and the schemas that it was checked with."""
    written = following(first(), OTHER, by="arn:two", at=NOW + timedelta(hours=1), note="")

    assert read_publication(to_text(written)) == written
    assert [revision.number for revision in written.revisions] == [2, 1]
    assert [revision.by for revision in written.revisions] == ["arn:two", "arn:one"]
    assert written.number == 2
    assert described(written.revisions)[1] == {
        "number": 1,
        "hash": config_hash(DOCUMENT),
        "by": "arn:one",
        "at": NOW.isoformat(timespec="seconds"),
        "note": "begin",
    }


def test_what_another_tool_wrote_becomes_the_first_revision() -> None:
    """So that it can be compared with, and restored."""
    bare = read_publication(json.dumps(DOCUMENT))

    after = following(bare, OTHER, by="arn:two", at=NOW, note="")

    assert (bare.number, bare.document) == (0, DOCUMENT)
    assert [(revision.number, revision.by) for revision in after.revisions] == [
        (2, "arn:two"),
        (1, UNKNOWN),
    ]


def test_the_list_of_revisions_has_an_end() -> None:
    """The object stays small; numbers go on."""
    published = first()
    for _ in range(REVISIONS + 5):
        published = following(published, DOCUMENT, by="arn", at=NOW, note="")

    assert len(published.revisions) == REVISIONS
    assert published.number == REVISIONS + 6


@every(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        "[" * 100_000,
        '{"version": 1}',
        '{"destinations": {"a": 1}, "routes": []}',
        '{"destinations": {}, "routes": [1]}',
        json.dumps({"format": FORMAT}),
        json.dumps({"format": FORMAT, "revisions": [], "document": DOCUMENT, "checked_by": "x"}),
        to_text(replace(first(), document=OTHER)),
    ],
)
def test_a_broken_object_is_refused(text: str) -> None:
    """Cut off, written by hand, or something else."""
    with pytest.raises(ConfigError, match="The published configuration is broken: "):
        read_publication(text)


def test_a_checked_document_is_not_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The validator takes a tenth of a second at every cold start."""
    monkeypatch.setattr(publication, "load", pytest.fail)

    assert in_force(first(), today=TODAY) == parse(DOCUMENT)


@pytest.mark.parametrize("checked_by", ["", "the schemas of another version"])
def test_every_other_document_is_checked(checked_by: str) -> None:
    """By a function of another version, or where another tool wrote it."""
    good = replace(first(), checked_by=checked_by)
    bad = Publication({**DOCUMENT, "surprise": 1}, checked_by=checked_by)

    assert in_force(good, today=TODAY) == parse(DOCUMENT)
    with pytest.raises(ConfigError, match="surprise"):
        in_force(bad, today=TODAY)


def test_a_document_that_cannot_be_parsed_is_not_taken() -> None:
    """Whatever its object says."""
    publication = Publication({"destinations": {}}, checked_by=fingerprint())

    with pytest.raises(ConfigError, match="it cannot be parsed"):
        in_force(publication, today=TODAY)


def test_a_revision_that_is_not_listed_is_named() -> None:
    """With those there are."""
    assert revision_of(first(), 1).note == "begin"
    with pytest.raises(ConfigError, match="There is no revision 7; there are 1 to 1"):
        revision_of(first(), 7)
    with pytest.raises(ConfigError, match="There is no revision 1; there is none"):
        revision_of(Publication(DOCUMENT), 1)
