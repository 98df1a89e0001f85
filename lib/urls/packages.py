"""
Package URLs: parsed, and matched with each other. Pure.

https://github.com/package-url/purl-spec
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote

DISTRIBUTED: Final = frozenset({"apk", "deb", "rpm"})
"""Types whose namespace is a distribution."""
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
"""Types of the packages in findings; see `lib.normalizer.package_url.package_url`."""
KNOWN_DISTRIBUTIONS: Final = frozenset(
    {
        "almalinux",
        "alpine",
        "amzn",
        "azurelinux",
        "bottlerocket",
        "centos",
        "chainguard",
        "debian",
        "fedora",
        "minimos",
        "opensuse",
        "oracle",
        "photon",
        "redhat",
        "rocky",
        "sles",
        "ubuntu",
        "wolfi",
    }
)
"""Namespaces of the packages in findings, where the type is one of a distribution."""
_OTHER_NAMES: Final = MappingProxyType(
    {
        "alma": "almalinux",
        "amazon": "amzn",
        "azl": "azurelinux",
        "ol": "oracle",
        "opensuse.leap": "opensuse",
        "opensuse.tumbleweed": "opensuse",
        "opensuse-leap": "opensuse",
        "opensuse-tumbleweed": "opensuse",
        "oraclelinux": "oracle",
        "rhel": "redhat",
        "rockylinux": "rocky",
        "suse": "sles",
    }
)
"""The names that Trivy, Syft and others give to the same distributions."""
KNOWN_QUALIFIERS: Final = frozenset({"arch", "distro", "epoch"})
"""Qualifiers of the packages in findings."""

# Names of these types are case-insensitive. Names of rpm packages are not, but findings write them
# in lower case: https://packageurl.org/types/
_CASELESS: Final = frozenset({"apk", "composer", "deb", "golang", "oci", "pypi", "rpm"})


@dataclass(frozen=True, slots=True)
class PackageUrl:
    """A package URL in parts, decoded."""

    type: str
    namespace: str
    """Empty for a package without namespace."""
    name: str
    version: str | None
    qualifiers: Mapping[str, str]
    subpath: str = ""

    def covers(self, other: "PackageUrl") -> bool:
        """
        Whether this package URL, as a limit, covers another one.

        Missing parts do not limit: without a version all versions are covered, without a namespace
        the packages of all distributions.
        """
        return (
            (self.type, self.name) == (other.type, other.name)
            and (self.namespace == other.namespace or self.of_any_distribution)
            and self.version in (None, other.version)
            and self.qualifiers.items() <= other.qualifiers.items()
        )

    @property
    def of_any_distribution(self) -> bool:
        """Whether this is a package of an unnamed distribution."""
        return self.type in DISTRIBUTED and not self.namespace


@lru_cache(maxsize=4096)  # many findings are about the same package
def read_package_url(text: str) -> PackageUrl | None:
    """Parse a package URL; None for other text."""
    scheme, _, rest = text.partition(":")
    rest, _, subpath = rest.partition("#")
    rest, _, query = rest.partition("?")
    kind, _, path = rest.strip("/").partition("/")
    path, version = _split_version(path)
    *namespace, name = [unquote(segment) for segment in path.split("/") if segment] or [""]
    if scheme.lower() != "pkg" or not kind or not name:
        return None
    kind = kind.lower()
    qualifiers, place = _qualifiers(query), _normalized(kind, "/".join(namespace))
    if kind in DISTRIBUTED:
        place = _OTHER_NAMES.get(place, place)
        qualifiers |= _distribution(qualifiers)
    return PackageUrl(
        kind, place, _normalized(kind, name), version, MappingProxyType(qualifiers), subpath
    )


def _distribution(qualifiers: Mapping[str, str]) -> Mapping[str, str]:
    """Return the distribution among qualifiers by the name that findings give it."""
    name, dash, release = qualifiers.get("distro", "").lower().rpartition("-")
    return {"distro": f"{_OTHER_NAMES.get(name, name)}-{release}"} if dash else {}


def _split_version(path: str) -> tuple[str, str | None]:
    name, _, version = path.rpartition("@")
    # An @ at the beginning of a segment belongs to an npm scope that is not encoded.
    if not name or name.endswith("/"):
        return path, None
    return name, unquote(version) or None


def _qualifiers(query: str) -> dict[str, str]:
    pairs = (parameter.partition("=") for parameter in query.split("&"))
    return {key.lower(): unquote(value) for key, _, value in pairs if value}


def _normalized(kind: str, name: str) -> str:
    if kind not in _CASELESS:
        return name
    # https://packageurl.org/types/pypi-definition.json
    return name.lower().replace("_", "-") if kind == "pypi" else name.lower()
