"""The scanning configuration of the registry. It is read and never changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True, slots=True)
class Scanning:
    """The configuration of a registry. With enhanced scanning, filters of repositories decide."""

    enhanced: bool
    filters: tuple[str, ...]


def scanning_of(ecr: Any) -> Scanning:
    """Read the configuration of the registry."""
    return parse_scanning(ecr.get_registry_scanning_configuration()["scanningConfiguration"])


def parse_scanning(configuration: Mapping[str, Any]) -> Scanning:
    """Parse a configuration. Pure."""
    filters = (
        entry["filter"]
        for rule in configuration.get("rules", ())
        for entry in rule.get("repositoryFilters", ())
        if rule.get("scanFrequency") != "MANUAL"
    )
    return Scanning(configuration.get("scanType") == "ENHANCED", tuple(filters))


def is_scanned(scanning: Scanning, repository: str) -> bool:
    """
    Whether pushed images of a repository with scan on push are scanned. Pure.

    With enhanced scanning, the setting of the repository does not count. A filter without `*`
    matches every name that contains it.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html
    """
    return not scanning.enhanced or any(_matches(text, repository) for text in scanning.filters)


def _matches(text: str, repository: str) -> bool:
    return fnmatchcase(repository, text if "*" in text else f"*{text}*")
