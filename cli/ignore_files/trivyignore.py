"""
.trivyignore: an id on each line, perhaps with "exp:2026-01-01".

https://trivy.dev/docs/latest/configuration/filtering/#trivyignore

The ids are of vulnerabilities, misconfigurations and secrets alike. From the day that exp names, a
line does not hold. Trivy leaves out a line whose date it cannot read.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from cli.ignore_files.rules import IgnoreRule, Rule, SkippedRule, lasting_before
from lib.text import truncate

_COMMENT: Final = "#"
_EXPIRY: Final = "exp:"
_SHOWN: Final = 60
"""Characters of a word that is no id: it may be a whole document of another format."""
_ID: Final = re.compile(r"[\w.:-]+", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
# Prefixes of vulnerability ids; most are in https://ossf.github.io/osv-schema/#id-modified-fields.
_VULNERABILITY: Final = re.compile(
    r"(?:A|AL|CE|EL|RL|RX)SA-|ALAS|ALBA-|ALEA-|ALPINE-|ASB-|BELL-|BIT-|CGA-|CVE-|DEBIAN-|DLA-|DSA-"
    r"|DRUPAL-|DTSA-|ECHO-|EEF-|GHSA-|GLSA-|GO-|GSD-|HSEC-|IN1-|JLSEC-|KUBE-|LSN-|MAL-|MGASA-|MINI-"
    r"|NSWG-|OESA-|OSEC-|OSV-|PHSA-|PRISMA-|PSF-|PYSEC-|RH[BES]A-|RLBA-|RLEA-|ROOT-|RSEC-|RUSTSEC-"
    r"|SNYK-|(?:open)?SUSE-|TEMP-|UBUNTU-|UVI-|USN-|V8-|WOLFI-",
    re.IGNORECASE,
)


def parse(text: str, name: str) -> list[Rule]:
    """Return the rules of a file; `name` is not needed, since no line is wrong."""
    del name
    return list(_rules(text))


def looks_like_one(lines: Sequence[str]) -> bool:
    """Whether every line may be one of such a file, with at least one id."""
    stripped = [line.strip() for line in lines]
    ids = [line for line in stripped if line and not line.startswith(_COMMENT)]
    return bool(ids) and all(_VULNERABILITY.match(identifier) for identifier in ids)


def _rules(text: str) -> Iterator[Rule]:
    remarks: list[str] = []
    headed = False
    for number, line in enumerate(text.split("\n"), 1):
        content = line.strip()
        if content.startswith(_COMMENT):
            # A comment above an id does not apply to ids below.
            remarks = [] if headed else remarks
            headed = False
            remarks.append(content.lstrip(_COMMENT).strip())
        elif not content:
            remarks, headed = [], False
        else:
            headed = True
            yield _rule(number, content, " ".join(filter(None, remarks)))


def _rule(number: int, line: str, above: str) -> Rule:
    identifier, *fields = line.split()
    _, _, beside = line.partition(f" {_COMMENT}")
    if not (_VULNERABILITY.match(identifier) and _ID.fullmatch(identifier)):
        return SkippedRule(
            number, truncate(identifier, _SHOWN), "this is not the id of a vulnerability"
        )
    reason = beside.strip(f"{_COMMENT} ") or above or None
    # Trivy finds it in a comment on the same line, too.
    expiry = next((field for field in fields if field.startswith(_EXPIRY)), None)
    if expiry is None:
        return IgnoreRule(number, identifier, reason=reason)
    day = _day(expiry.removeprefix(_EXPIRY))
    if day is None:
        return SkippedRule(
            number, identifier, "its date is none, so Trivy does not apply it either"
        )
    return IgnoreRule(number, identifier, last_day=lasting_before(day), reason=reason)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None
