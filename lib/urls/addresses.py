"""
The address of a receiver: read once, by the parser that the request goes out with. Pure.

Two parsers that disagree about a URL let a check pass for one host while the request goes to
another. Therefore `urllib3.util.parse_url`, which `requests` sends with, decides here. What is open
to interpretation is refused: a backslash, a blank, a percent sign in the host.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

_PRINTABLE: Final = re.compile(r"[!-\[\]-~]+")
"""ASCII without blanks, control characters and the backslash, a slash to some parsers."""
# https://www.rfc-editor.org/rfc/rfc1123#section-2: letters, digits and hyphens, up to 63 a label.
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*|\[::1\]")
_LONGEST_HOST: Final = 253


class AddressError(ValueError):
    """A text is no address that could be called; says why, without quoting the text."""


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of a URL that say where a request goes."""

    scheme: str
    host: str
    """In lower case, without brackets."""
    port: int | None

    def is_among(self, hosts: Iterable[str]) -> bool:
        """
        Whether these hosts hold this one, in letters of any case.

        ".example.org" stands for every host below it.
        """
        return any(
            self.host == host or (host[:1] == "." and self.host.endswith(host))
            for host in map(str.lower, hosts)
        )

    @property
    def root(self) -> str:
        """The URL without its path, which may be secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{host}{port}/"

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine, by number or as "localhost"."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def read_address(url: str) -> Address:
    """
    Return where a request to a URL goes. Raises `AddressError`.

    Only http and https; a host of letters, digits, dots and hyphens (or [::1]); no user name. An
    international name has to be written in its ASCII form, "xn--…".
    """
    if not url:
        raise AddressError("is empty")
    if not url.isascii():
        raise AddressError("has letters beyond ASCII; write an international host name as xn--…")
    if not _PRINTABLE.fullmatch(url):
        raise AddressError("has a blank, a control character or a backslash in it")
    try:
        parts = parse_url(url)
    except LocationParseError:
        raise AddressError("is not a URL") from None
    if parts.scheme not in ("http", "https") or not parts.host:
        raise AddressError("is not a URL of the form https://host/path")
    if parts.auth is not None:
        raise AddressError("has a user name in it")
    # The host has to stand there as it was read, not behind percent signs.
    if not url.lower().startswith(f"{parts.scheme}://{parts.host}"):
        raise AddressError("is not a URL of the form https://host/path")
    if len(parts.host) > _LONGEST_HOST or not _HOST.fullmatch(parts.host):
        raise AddressError("has a host with other characters than letters, digits, dots, hyphens")
    return Address(parts.scheme, parts.host.strip("[]"), parts.port)
