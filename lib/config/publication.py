"""
A published alerts.yml: the document, who published it and when, and the revisions before it.

The object that functions read is one of two:

    a publication    written by `ecr-scan-alerts config push`; it was checked before
    a document       alerts.yml as JSON, written by another tool; functions check it themselves

Pure.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final

from lib.config import load
from lib.config.model import Config
from lib.config.parsing import config_hash, parse
from lib.config.schema import fingerprint
from lib.errors import ConfigError
from lib.models import Json

FORMAT: Final = "publication-1"
REVISIONS: Final = 200
"""The revisions that a publication lists, newest first."""
UNKNOWN: Final = "unknown"
"""The author of a document that another tool wrote."""
_BROKEN: Final = (ValueError, LookupError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision of a configuration: its number, its hash, its author and its time."""

    number: int
    hash: str
    by: str
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Publication:
    """A document, and what is known of its revisions."""

    document: Json
    revisions: tuple[Revision, ...] = ()
    """Newest first; the first one is the document's. Empty for a bare document."""
    checked_by: str = ""
    """The fingerprint of the schemas that the document was checked with; empty: not checked."""

    @property
    def number(self) -> int:
        """The number of the document's revision; 0 for a bare document."""
        return self.revisions[0].number if self.revisions else 0


def following(
    before: Publication | None, document: Json, *, by: str, at: datetime, note: str
) -> Publication:
    """Return the publication of a checked document after another one."""
    revisions = _revisions(before, at)
    number = revisions[0].number + 1 if revisions else 1
    revision = Revision(number, config_hash(document), by, at, note)
    return Publication(document, (revision, *revisions)[:REVISIONS], fingerprint())


def _revisions(before: Publication | None, at: datetime) -> tuple[Revision, ...]:
    """Return the revisions of a publication; a bare document becomes the first one."""
    if before is None or before.revisions:
        return before.revisions if before is not None else ()
    return (Revision(1, config_hash(before.document), UNKNOWN, at, "written by another tool"),)


def to_text(publication: Publication) -> str:
    """Return the text of an object that holds a publication, or a bare document."""
    if not publication.revisions:
        return json.dumps(publication.document, ensure_ascii=False)
    content = {
        "format": FORMAT,
        "checked_by": publication.checked_by,
        "revisions": [_revision_to_json(revision) for revision in publication.revisions],
        "document": publication.document,
    }
    return json.dumps(content, ensure_ascii=False, indent=1)


def read_publication(text: str | bytes) -> Publication:
    """Read the object. Raises `ConfigError` where it is neither a publication nor a document."""
    try:
        content: Any = json.loads(text)
        if not isinstance(content, Mapping):
            raise _broken("it is not a JSON object")
        if content.get("format") != FORMAT:
            return Publication(_plausible(content))
        revisions = tuple(map(_revision_from_json, content["revisions"]))
        publication = Publication(content["document"], revisions, content["checked_by"])
        _require_whole(publication)
    except _BROKEN as error:
        raise _broken(f"it cannot be read ({type(error).__name__})") from error
    return publication


def in_force(publication: Publication, *, today: date) -> Config:
    """
    Return the configuration of a publication.

    The document is checked, unless it was checked with the schemas of this very version. Raises
    `ConfigError` with every error.
    """
    if publication.checked_by != fingerprint():
        return load(publication.document, today=today)
    try:
        return parse(publication.document)
    except _BROKEN as error:
        raise _broken(f"it cannot be parsed ({type(error).__name__})") from error


def revision_of(publication: Publication, number: int) -> Revision:
    """Return a revision by its number. Raises `ConfigError` naming those there are."""
    for revision in publication.revisions:
        if revision.number == number:
            return revision
    numbers = [revision.number for revision in publication.revisions]
    there = f"there are {numbers[-1]} to {numbers[0]}" if numbers else "there is none"
    raise ConfigError(f"There is no revision {number}; {there}")


def described(revisions: Sequence[Revision]) -> list[dict[str, str | int]]:
    """Return revisions as JSON, for programs."""
    return [_revision_to_json(revision) for revision in revisions]


def archived(publication: Publication) -> Publication:
    """Return a publication without the revisions before it, as it is kept for a rollback."""
    return replace(publication, revisions=publication.revisions[:1])


def _plausible(content: Any) -> Json:
    """Return a bare document with the parts that comparisons need. Raises `ConfigError`."""
    named = all(isinstance(route["name"], str) for route in content["routes"])
    typed = all(isinstance(entry["type"], str) for entry in content["destinations"].values())
    if not (named and typed):
        raise _broken("it is neither a publication nor an alerts.yml as JSON")
    return content


def _require_whole(publication: Publication) -> None:
    """Raise `ConfigError` for a publication that was changed by hand or cut off."""
    if config_hash(publication.document) != publication.revisions[0].hash:
        raise _broken("its document is not the one that was pushed")


def _broken(why: str) -> ConfigError:
    return ConfigError(f"The published configuration is broken: {why}")


def _revision_to_json(revision: Revision) -> dict[str, str | int]:
    return {
        "number": revision.number,
        "hash": revision.hash,
        "by": revision.by,
        "at": revision.at.astimezone(UTC).isoformat(timespec="seconds"),
        "note": revision.note,
    }


def _revision_from_json(entry: Mapping[str, Any]) -> Revision:
    return Revision(
        int(entry["number"]),
        str(entry["hash"]),
        str(entry["by"]),
        datetime.fromisoformat(entry["at"]),
        str(entry.get("note", "")),
    )
