"""The files in which other tools keep what to ignore. A new one is a module here and a line."""

from collections.abc import Callable, Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import Final

from cli.ignore_files import csaf, cyclonedx, grype, openvex, trivyignore, trivyignore_yaml
from cli.ignore_files.rules import Rule

FORMATS: Final[Mapping[str, Callable[[str, str], list[Rule]]]] = MappingProxyType(
    {
        "trivyignore": trivyignore.parse,
        "trivyignore-yaml": trivyignore_yaml.parse,
        "grype": grype.parse,
        "openvex": openvex.parse,
        "csaf": csaf.parse,
        "cyclonedx": cyclonedx.parse,
    }
)
"""Each takes the text of a file and how it is called in errors."""

_MARKS: Final = (
    ("openvex", openvex.CONTEXT),
    ("openvex", openvex.IN_TOTO),
    ("csaf", f'"{csaf.VERSION}"'),
    ("cyclonedx", f'"{cyclonedx.FORMAT}"'),
)
"""Formats of JSON, and what stands in a document of each."""
_YAML: Final = (".yaml", ".yml")


def format_of(name: str, text: str) -> str | None:
    """Return the format that the name of a file says, else its text; None: neither does."""
    path = PurePath(name.lower())
    if "trivyignore" in path.name:
        return "trivyignore-yaml" if path.suffix in _YAML else "trivyignore"
    if "grype" in path.name and path.suffix in _YAML:
        return "grype"
    return _shape(text)


def _shape(text: str) -> str | None:
    if text.lstrip("\ufeff \t\r\n").startswith("{"):
        return next((name for name, mark in _MARKS if mark in text), None)
    lines = text.splitlines()
    for format_, section in (
        ("grype", grype.SECTION),
        ("trivyignore-yaml", trivyignore_yaml.SECTION),
    ):
        if any(line.startswith(f"{section}:") for line in lines):
            return format_
    return "trivyignore" if trivyignore.looks_like_one(lines) else None
