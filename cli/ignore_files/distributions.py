"""
The release of a distribution in a package URL, as findings write it. Pure.

Tools write the same release in many ways: "12", "bookworm", "debian-12.5". Findings have the
release that Inspector names, which has no point releases.
"""

import re
from types import MappingProxyType
from typing import Final

from lib.urls.packages import PackageUrl

_ROLLING: Final = frozenset({"chainguard", "minimos", "wolfi"})
"""They have no releases: what tools write there is the same for all of their images."""
_NUMBERS: Final = MappingProxyType(
    {
        "almalinux": 1,
        "alpine": 2,
        "amzn": 1,
        "centos": 1,
        "debian": 1,
        "fedora": 1,
        "oracle": 1,
        "redhat": 1,
        "rocky": 1,
        "ubuntu": 2,
    }
)
"""How many numbers the releases of a distribution have in findings."""
_CODENAMES: Final = MappingProxyType(
    {
        "bullseye": "11",
        "bookworm": "12",
        "trixie": "13",
        "focal": "20.04",
        "jammy": "22.04",
        "noble": "24.04",
    }
)
_QUALIFIER: Final = re.compile(r"(?<=[?&])distro=[^&#]*", re.IGNORECASE)
_RELEASE: Final = re.compile(r"\d+(?:\.\d+)*", re.ASCII)


class UnknownReleaseError(ValueError):
    """No finding can have the release that a package URL names. The text names the reason."""


def with_known_release(purl: str, parts: PackageUrl) -> str:
    """
    Return a package URL with the release as findings write it.

    Raises `UnknownReleaseError` where it names a release that no finding can have.
    """
    stated = parts.qualifiers.get("distro")
    if stated is None or (parts.namespace not in _NUMBERS and parts.namespace not in _ROLLING):
        return purl
    if parts.namespace in _ROLLING:
        path, _, query = purl.partition("?")
        rest = [pair for pair in query.split("&") if not pair.lower().startswith("distro=")]
        return f"{path}?{'&'.join(rest)}" if rest else path
    release = _known_release(stated, parts)
    return _QUALIFIER.sub(f"distro={parts.namespace}-{release}", purl)


def _known_release(stated: str, parts: PackageUrl) -> str:
    release = stated.removeprefix(f"{parts.namespace}-").lower()
    release = _CODENAMES.get(release, release)
    if not _RELEASE.fullmatch(release):
        raise UnknownReleaseError(f"no scan calls a release of {parts.namespace} {release}")
    numbers = release.split(".")
    most = _NUMBERS[parts.namespace]
    # A version is built for one release: without it the entry would hold for other ones, too.
    if len(numbers) > most and parts.version is None:
        raise UnknownReleaseError(f"no scan says which {parts.namespace} {release} an image has")
    return ".".join(numbers[:most])
