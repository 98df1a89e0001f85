"""
Addresses of receivers, parsed by the parser that sends the request. Pure.

Two parsers that disagree about a URL let a check pass for one host while the request goes to
another. Therefore `urllib3.util.parse_url`, which `requests` uses, parses here, too. Ambiguous
addresses are refused: a backslash, a blank, a percent sign in the host.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

_PRINTABLE: Final = re.compile(r"[!-\[\]-~]+")
"""ASCII without blanks, control characters and the backslash, which some parsers take for a /."""
# https://www.rfc-editor.org/rfc/rfc1123#section-2: letters, digits and hyphens, up to 63 a label.
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*|\[::1\]")
_MAX_HOST: Final = 253


class AddressError(ValueError):
    """An invalid address. The text gives the reason without quoting the address."""


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of a URL that decide where a request goes."""

    scheme: str
    host: str
    """In lower case, without brackets."""
    port: int | None

    def is_among(self, hosts: Iterable[str]) -> bool:
        """
        Whether the host is one of these, in letters of any case.

        ".example.org" stands for all hosts below it.
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
        """Whether the host is this machine, by IP address or as "localhost"."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def read_address(url: str) -> Address:
    """
    Parse the address that a request goes to. Raises `AddressError`.

    Only http and https; a host of letters, digits, dots and hyphens (or [::1]); no user name.
    International names need their ASCII form, "xn--…".
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
    # The host has to be written as it was parsed, without percent encoding.
    if not url.lower().startswith(f"{parts.scheme}://{parts.host}"):
        raise AddressError("is not a URL of the form https://host/path")
    if len(parts.host) > _MAX_HOST or not _HOST.fullmatch(parts.host):
        raise AddressError("has a host with other characters than letters, digits, dots, hyphens")
    return Address(parts.scheme, parts.host.strip("[]"), parts.port)
