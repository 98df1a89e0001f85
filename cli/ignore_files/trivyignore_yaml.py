"""
.trivyignore.yaml: vulnerabilities by id, with paths, package URLs, a date and a statement.

https://trivy.dev/docs/latest/configuration/filtering/#trivyignoreyaml

One of the paths and one of the package URLs must match, so each pair is an entry. From expired_at
on, an entry does not hold.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from itertools import product
from typing import Final

from cli.alerts_file import understand
from cli.ignore_files.places import Place
from cli.ignore_files.rules import (
    IgnoreRule,
    NoEntryError,
    Rule,
    SkippedRule,
    lasting_before,
    package_limit,
    path_pattern,
)

SECTION: Final = "vulnerabilities"
_KNOWN: Final = frozenset({"id", "paths", "purls", "expired_at", "statement"})
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def parse(text: str, name: str) -> list[Rule]:
    """Return the rules of a file. Raises `ConfigError` or `DocumentError` with file and line."""
    file = understand(text, name)
    document = Place.of(file, (), file.document)
    rules: list[Rule] = []
    for section in document.values:
        entries = document.mappings(section)
        if section == SECTION:
            rules.extend(rule for entry in entries for rule in _rules(entry))
        elif entries:
            why = f"not about vulnerabilities, like all of its entries ({len(entries)})"
            rules.append(SkippedRule(document.line_of(section), section, why))
    return rules


def _rules(entry: Place) -> Iterator[Rule]:
    identifier = entry.text("id")
    if identifier is None:
        yield SkippedRule(entry.line, "an entry without an id", "it is about every vulnerability")
        return
    unknown = entry.unknown(_KNOWN)
    if unknown is not None:
        yield SkippedRule(entry.line, identifier, f"{unknown} may limit it, and is not known here")
        return
    last_day, reason = _last_day(entry), entry.text("statement")
    for path, purl in product(entry.texts("paths") or [None], entry.texts("purls") or [None]):
        try:
            yield IgnoreRule(
                entry.line,
                identifier,
                path=path and path_pattern(path),
                purl=purl and package_limit(purl),
                last_day=last_day,
                reason=reason,
            )
        except NoEntryError as error:
            yield SkippedRule(entry.line, identifier, str(error))


def _last_day(entry: Place) -> date | None:
    value = entry.text("expired_at")
    try:
        if value is None:
            return None
        return lasting_before(
            date.fromisoformat(value) if _DAY.fullmatch(value) else datetime.fromisoformat(value)
        )
    except ValueError:
        raise entry.mistake("expired_at", "must be a date such as 2027-01-31") from None
