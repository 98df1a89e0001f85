"""
Package URLs, read and compared. Pure.

https://github.com/package-url/purl-spec
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote

DISTRIBUTED: Final = frozenset({"apk", "deb", "rpm"})
"""Types whose namespace is the distribution."""
KNOWN_TYPES: Final = DISTRIBUTED | {
    "cargo",
    "composer",
    "gem",
    "generic",
    "golang",
    "maven",
    "npm",
    "nuget",
    "pypi",
}
"""Those that the packages of findings have; see `lib.normalizer.readers.package_url`."""
KNOWN_QUALIFIERS: Final = frozenset({"arch", "distro", "epoch"})
"""Likewise."""

# Names of these types are the same in upper and lower case. That of an rpm is not, but those of
# findings are written in lower case: https://packageurl.org/types/
_CASELESS: Final = frozenset({"apk", "composer", "deb", "golang", "oci", "pypi", "rpm"})


@dataclass(frozen=True, slots=True)
class PackageUrl:
    """One package URL in its parts, decoded."""

    type: str
    namespace: str
    """Empty without one."""
    name: str
    version: str | None
    qualifiers: Mapping[str, str]
    subpath: str = ""

    def holds_for(self, other: "PackageUrl") -> bool:
        """
        Whether a package agrees with this one as a limit.

        What it does not say does not limit: without a version it holds for all, and without a
        namespace that of a distribution's package for all distributions.
        """
        return (
            (self.type, self.name) == (other.type, other.name)
            and (self.namespace == other.namespace or self.of_any_distribution)
            and self.version in (None, other.version)
            and self.qualifiers.items() <= other.qualifiers.items()
        )

    @property
    def of_any_distribution(self) -> bool:
        """A package of a distribution that is not named."""
        return self.type in DISTRIBUTED and not self.namespace


@lru_cache(maxsize=4096)  # many findings are about the same package
def read_package_url(text: str) -> PackageUrl | None:
    """Take a package URL apart; None for what is none."""
    scheme, _, rest = text.partition(":")
    rest, _, subpath = rest.partition("#")
    rest, _, query = rest.partition("?")
    kind, _, path = rest.strip("/").partition("/")
    path, version = _versioned(path)
    *namespace, name = [unquote(each) for each in path.split("/") if each] or [""]
    if scheme.lower() != "pkg" or not kind or not name:
        return None
    kind = kind.lower()
    return PackageUrl(
        kind,
        _spelt(kind, "/".join(namespace)),
        _spelt(kind, name),
        version,
        MappingProxyType(_qualifiers(query)),
        subpath,
    )


def _versioned(path: str) -> tuple[str, str | None]:
    name, _, version = path.rpartition("@")
    # An @ that begins a segment is that of a scope of npm, not encoded as it should be.
    if not name or name.endswith("/"):
        return path, None
    return name, unquote(version) or None


def _qualifiers(query: str) -> dict[str, str]:
    pairs = (each.partition("=") for each in query.split("&"))
    return {key.lower(): unquote(value) for key, _, value in pairs if value}


def _spelt(kind: str, name: str) -> str:
    if kind not in _CASELESS:
        return name
    # https://packageurl.org/types/pypi-definition.json
    return name.lower().replace("_", "-") if kind == "pypi" else name.lower()
