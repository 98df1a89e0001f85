"""
Package URLs: names of packages that other tools understand.

https://github.com/package-url/purl-spec
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

# Inspector's package managers, and the shorter words that occur in real findings beside them:
# https://docs.aws.amazon.com/inspector/v2/APIReference/API_VulnerablePackage.html
_LANGUAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "BUNDLER": "gem",
        "CARGO": "cargo",
        "COMPOSER": "composer",
        "DOTNET_CORE": "nuget",
        "GEM": "gem",
        "GENERIC": "generic",
        "GO": "golang",
        "GOBINARY": "golang",
        "GOMOD": "golang",
        "GRADLE": "maven",
        "JAR": "maven",
        "JAVA": "maven",
        "NODE": "npm",
        "NODEPKG": "npm",
        "NPM": "npm",
        "NUGET": "nuget",
        "PIP": "pypi",
        "PIPENV": "pypi",
        "PNPM": "npm",
        "POETRY": "pypi",
        "POM": "maven",
        "PYTHON": "pypi",
        "PYTHONPKG": "pypi",
        "RUBY": "gem",
        "YARN": "npm",
    }
)

# Prefixes of Inspector's names of distributions, such as "DEBIAN_12".
_DISTRIBUTIONS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "ALMALINUX": ("rpm", "almalinux"),
        "ALPINE": ("apk", "alpine"),
        "AMAZON_LINUX": ("rpm", "amzn"),
        "AZURE_LINUX": ("rpm", "azurelinux"),
        "BOTTLEROCKET": ("rpm", "bottlerocket"),
        "CENTOS": ("rpm", "centos"),
        "CHAINGUARD": ("apk", "chainguard"),
        "DEBIAN": ("deb", "debian"),
        "FEDORA": ("rpm", "fedora"),
        "MINIMOS": ("apk", "minimos"),
        "OPENSUSE": ("rpm", "opensuse"),
        "ORACLE_LINUX": ("rpm", "oracle"),
        "PHOTON": ("rpm", "photon"),
        "REDHAT": ("rpm", "redhat"),
        "RHEL": ("rpm", "redhat"),
        "ROCKY_LINUX": ("rpm", "rocky"),
        "SLES": ("rpm", "sles"),
        "SUSE_LINUX": ("rpm", "sles"),
        "UBUNTU": ("deb", "ubuntu"),
        "WOLFI": ("apk", "wolfi"),
    }
)


_FILLERS: Final = re.compile(r"^_(?:LINUX|LEAP|TUMBLEWEED|ENTERPRISE_SERVER)(?=_|$)")
"""Words between a name and a release: "ALPINE_LINUX_3_22"."""


@lru_cache(maxsize=1024)  # many findings are about the same package
def package_url(
    name: str, version: str | None, manager: str | None, *, os: str | None, arch: str | None
) -> str | None:
    """
    Return the package URL of an installed package.

    `os` is the distribution as Inspector writes it; it decides the type of operating system
    packages. None for an unknown type: a wrong URL is worse than none.
    """
    if not name or manager is None:
        return None
    if manager == "OS":
        return _of_distribution(name, version, os or "", arch)
    kind = _LANGUAGES.get(manager.upper())
    if kind is None:
        return None
    path = _PATHS.get(kind, _plain)(name)
    return None if path is None else f"pkg:{kind}/{path}{_version(version)}"


def _of_distribution(name: str, version: str | None, os: str, arch: str | None) -> str | None:
    prefix = next(
        (distribution for distribution in _DISTRIBUTIONS if os.startswith(distribution)), None
    )
    if prefix is None:
        return None
    kind, namespace = _DISTRIBUTIONS[prefix]
    release = _FILLERS.sub("", os[len(prefix) :]).strip("_").replace("_", ".").lower()
    qualifiers = {
        "arch": arch.lower() if arch else "",
        "distro": f"{namespace}-{release}" if release else namespace,
    }
    epoch, colon, rest = (version or "").partition(":")
    if kind == "rpm" and colon:
        qualifiers, version = {"epoch": epoch, **qualifiers}, rest
    tail = "&".join(
        f"{key}={_quoted(qualifier)}" for key, qualifier in sorted(qualifiers.items()) if qualifier
    )
    return f"pkg:{kind}/{namespace}/{_quoted(name.lower())}{_version(version)}?{tail}"


def _version(version: str | None) -> str:
    return f"@{_quoted(version)}" if version else ""


def _quoted(value: str) -> str:
    return quote(value, safe=":")


def _plain(name: str) -> str | None:
    return "/".join(_quoted(part) for part in name.split("/"))


def _python(name: str) -> str | None:
    return _quoted(name.lower().replace("_", "-"))


def _maven(name: str) -> str | None:
    group, colon, artifact = name.partition(":")
    return f"{_quoted(group)}/{_quoted(artifact)}" if colon and artifact else None


_PATHS: Final[Mapping[str, Callable[[str], str | None]]] = MappingProxyType(
    {
        "maven": _maven,
        "pypi": _python,
    }
)
