"""
Signed links to objects in the report bucket, with an expiry time. Pure.

A link signed by S3 expires with the credentials that signed it, and those of a function last for
hours. Instead a link holds a key of the bucket and an expiry time, signed with a secret of the
deployment. `handlers.open_report` checks the link and redirects to S3. A new secret revokes all
links at once.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from lib.errors import LinkError

PREFIXES: Final = ("pages/", "digests/")
"""Keys that links may open: never the stored evaluations."""


@dataclass(frozen=True, slots=True)
class SignedLinks:
    """Creates links below `base`, which ends with a slash. They are valid for `lifetime`."""

    base: str
    lifetime: timedelta

    def url(self, key: str, *, secret: str, now: datetime) -> str:
        """Return a link to an object. Anyone who has it can open the object until it expires."""
        ends = int((now + self.lifetime).timestamp())
        # Not "signature": scanners would take it for a signed request of AWS.
        query = urlencode({"ends": ends, "proof": _signature(key, ends, secret)})
        return f"{self.base}{quote(key)}?{query}"


def verified_key(path: str, query: Mapping[str, str], *, secret: str, now: datetime) -> str:
    """
    Return the key of a link.

    `path` and `query` come from the request. Raises `LinkError` for a link that has expired, has a
    wrong signature, or leads to an object that must not be opened.
    """
    key = unquote(path.removeprefix("/"))
    ends = query.get("ends", "")
    if not (ends.isascii() and ends.isdigit() and len(ends) < _MOST_DIGITS):
        raise LinkError("This link is not complete")
    signature = _signature(key, int(ends), secret)
    if not hmac.compare_digest(signature.encode(), query.get("proof", "").encode()):
        raise LinkError("This link is not valid")
    if now.timestamp() > int(ends):
        raise LinkError("This link has ended")
    if not key.startswith(PREFIXES):
        raise LinkError("This link is not valid")
    return key


def end_of(url: str) -> datetime | None:
    """Return when a link ends; None for a link that is not signed."""
    ends = dict(parse_qsl(urlsplit(url).query)).get("ends", "")
    if not (ends.isascii() and ends.isdigit() and len(ends) < _SECONDS):
        return None
    return datetime.fromtimestamp(int(ends), UTC)


_MOST_DIGITS: Final = 16
_SECONDS: Final = 12
"""Digits of a moment that a calendar has; the year 5138 is the first with more."""


def _signature(key: str, ends: int, secret: str) -> str:
    digest = hmac.digest(secret.encode(), f"{key}\n{ends}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")
