"""
.grype.yaml: rules under "ignore", each with any of a vulnerability, a package and a state.

https://oss.anchore.com/docs/guides/vulnerability/filter-results/

All that a rule names must hold. The name of a package is a regular expression, its location a
pattern of doublestar over absolute paths. Rules have no end.
"""

import re
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from cli.alerts_file import understand
from cli.ignore_files.places import Place
from cli.ignore_files.rules import IgnoreRule, NoEntryError, Rule, SkippedRule, path_pattern

SECTION: Final = "ignore"
# An entry of ours always holds for aliases, too: they are names of the same vulnerability.
_KNOWN: Final = frozenset({"vulnerability", "include-aliases", "reason", "package"})
_KNOWN_OF_PACKAGES: Final = frozenset({"name", "version", "type", "location"})
_WHY_NOT: Final = MappingProxyType(
    {
        "vex-status": "it waits for VEX documents; import those",
        "vex-justification": "it waits for VEX documents; import those",
        "fix-state": "an entry cannot depend on whether there is a fix",
        "namespace": "an entry cannot depend on whose advisory it is",
        "match-type": "an entry cannot depend on how a finding was matched",
        "upstream-name": "an entry cannot depend on the source of a package",
        "language": "an entry cannot depend on the language of a package",
    }
)

# https://github.com/anchore/syft/blob/main/syft/pkg/type.go; those of Java have no groups, without
# which a package URL of Maven is none.
_TYPES: Final = MappingProxyType(
    {
        "apk": "apk",
        "deb": "deb",
        "dotnet": "nuget",
        "gem": "gem",
        "go-module": "golang",
        "npm": "npm",
        "php-composer": "composer",
        "python": "pypi",
        "rpm": "rpm",
        "rust-crate": "cargo",
    }
)
_LITERAL: Final = re.compile(r"(?:[\w./@:~-]|\\[^\w\s])+", re.ASCII)
_ESCAPED: Final = re.compile(r"\\([^\w\s])", re.ASCII)
_NO_EPOCH: Final = "0:"


def parse(text: str, name: str) -> list[Rule]:
    """Return the rules of a file. Raises `ConfigError` or `DocumentError` with file and line."""
    file = understand(text, name)
    return [_rule(rule) for rule in Place.of(file, (), file.document).mappings(SECTION)]


def _rule(rule: Place) -> Rule:
    package = rule.mapping("package")
    identifier, reason = rule.text("vulnerability"), rule.text("reason")
    what = identifier or "a rule without a vulnerability"
    unknown = rule.unknown(_KNOWN) or package.unknown(_KNOWN_OF_PACKAGES)
    if unknown is not None:
        why = _WHY_NOT.get(unknown, f"{unknown} may limit it, and is not known here")
        return SkippedRule(rule.line, what, why)
    if identifier is None:
        return SkippedRule(rule.line, what, "it is about every vulnerability")
    try:
        return IgnoreRule(
            rule.line,
            identifier,
            package=_name(package),
            version=_version(package),
            purl=_purl(package),
            path=_path(package),
            reason=reason,
        )
    except NoEntryError as error:
        return SkippedRule(rule.line, what, str(error))


def _name(package: Place) -> str | None:
    name = package.text("name")
    if name is None:
        return None
    pattern = name.removeprefix("^").removesuffix("$")
    if not _LITERAL.fullmatch(pattern):
        raise NoEntryError(f"{name} is a pattern, and a package of ours is an exact name")
    return _ESCAPED.sub(r"\1", pattern)


def _version(package: Place) -> str | None:
    version = package.text("version")
    return version and version.removeprefix(_NO_EPOCH)


def _purl(package: Place) -> str | None:
    """Return a package URL of the package's type, without a distribution."""
    kind, name = package.text("type"), _name(package)
    if kind is None:
        return None
    if name is None:
        raise NoEntryError(f"an entry cannot be about all packages of the type {kind}")
    if kind not in _TYPES:
        raise NoEntryError(f"an entry cannot name packages of the type {kind}")
    return f"pkg:{_TYPES[kind]}/{quote(name)}"


def _path(package: Place) -> str | None:
    location = package.text("location")
    if location is None:
        return None
    if not location.startswith(("/", "**/")):
        raise NoEntryError(f"{location} matches no absolute path, so grype does not apply it")
    # Amazon Inspector writes paths without the first slash.
    return path_pattern(location.removeprefix("/"))
