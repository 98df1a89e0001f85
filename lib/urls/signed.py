"""
Signed links to what the bucket of reports holds, each with an end. Pure.

A link that S3 signs ends with the credentials that signed it, and those of a function last for
hours. So a link names a key of the bucket and its own end, signed with a secret of the deployment:
`handlers.open_report` checks it and leads on to S3. A new secret ends all links at once.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote, unquote, urlencode

from lib.errors import LinkError

PREFIXES: Final = ("pages/", "digests/")
"""What links may lead to: never the stored evaluations themselves."""


@dataclass(frozen=True, slots=True)
class SignedLinks:
    """Makes links below `base`, which ends with a slash, that hold for `lasting`."""

    base: str
    lasting: timedelta

    def url(self, key: str, *, secret: str, now: datetime) -> str:
        """Return a link to an object, which whoever has it can open until it ends."""
        ends = int((now + self.lasting).timestamp())
        # Not "signature": who looks for signed requests of AWS takes it for one.
        query = urlencode({"ends": ends, "proof": _signature(key, ends, secret)})
        return f"{self.base}{quote(key)}?{query}"


def opened(path: str, query: Mapping[str, str], *, secret: str, now: datetime) -> str:
    """
    Return the key that a link leads to.

    `path` and `query` are those of the request. Raises `LinkError` when it has ended, is not of our
    making, or leads to nothing that may be opened.
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


_MOST_DIGITS: Final = 16


def _signature(key: str, ends: int, secret: str) -> str:
    digest = hmac.digest(secret.encode(), f"{key}\n{ends}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")
