"""
Settings of repositories and of their registry that ministack lacks.

Exclusions from tag immutability, and the scanning configuration of a registry. Independent of
ministack.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from local.aws.ecr_scanning import Refusal

FILTERS: Final = "imageTagMutabilityExclusionFilters"
MODE: Final = "imageTagMutability"
MOST_FILTERS: Final = 5
MOST_WILDCARDS: Final = 2
_FREQUENCIES: Final = {"BASIC": ("SCAN_ON_PUSH",), "ENHANCED": ("SCAN_ON_PUSH", "CONTINUOUS_SCAN")}

Json = Any


@dataclass(slots=True)
class RegistryScanning:
    """Scanning configurations by account and region; basic scanning without rules by default."""

    _configurations: dict[tuple[str, str], Json] = field(default_factory=dict)

    def get(self, account: str, region: str) -> Json:
        """Answer as GetRegistryScanningConfiguration does."""
        default = {"scanType": "BASIC", "rules": []}
        configuration = self._configurations.get((account, region), default)
        return {"registryId": account, "scanningConfiguration": configuration}

    def put(self, account: str, region: str, request: Mapping[str, Json]) -> Json:
        """Answer as PutRegistryScanningConfiguration does. Raises `Refusal`."""
        before = self.get(account, region)["scanningConfiguration"]
        kind = request.get("scanType", before["scanType"])
        rules = request.get("rules", before["rules"])
        if any(rule["scanFrequency"] not in _FREQUENCIES[kind] for rule in rules):
            raise Refusal(
                "InvalidParameterException", f"Invalid scan frequency for scan type '{kind}'"
            )
        configuration = {"scanType": kind, "rules": rules}
        self._configurations[account, region] = configuration
        return {"registryScanningConfiguration": configuration}

    def scans_on_push(self, account: str, region: str, repository: str, *, own: bool) -> bool:
        """Whether a pushed image is scanned. `own` is the repository's own setting."""
        configuration = self.get(account, region)["scanningConfiguration"]
        if configuration["scanType"] == "BASIC" and not configuration["rules"]:
            return own
        filters = [
            item["filter"] for rule in configuration["rules"] for item in rule["repositoryFilters"]
        ]
        return any(
            fnmatchcase(repository, text if "*" in text else f"*{text}*") for text in filters
        )


def check_mutability(request: Mapping[str, Json]) -> None:
    """
    Check that exclusion filters are present exactly where the mode needs them. Raises `Refusal`.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
    """
    filters = request.get(FILTERS, [])
    excludes = request.get(MODE, "MUTABLE").endswith("_WITH_EXCLUSION")
    if excludes != bool(filters):
        raise _invalid("filters belong to the modes with exclusion")
    if len(filters) > MOST_FILTERS:
        raise _invalid(f"at most {MOST_FILTERS} filters")
    if any(exclusion["filter"].count("*") > MOST_WILDCARDS for exclusion in filters):
        raise _invalid(f"at most {MOST_WILDCARDS} wildcards")


def may_move(repository: Mapping[str, Json], tag: str) -> bool:
    """Whether a tag of a repository may be moved to another image."""
    excluded = any(
        fnmatchcase(tag, exclusion["filter"]) for exclusion in repository.get(FILTERS, ())
    )
    return str(repository[MODE]).startswith("MUTABLE") != excluded


def filters_of_properties(properties: Mapping[str, Json]) -> list[Json]:
    """Return the filters of an AWS::ECR::Repository in the format of the API."""
    prefix = "ImageTagMutabilityExclusionFilter"
    return [
        {"filterType": entry[f"{prefix}Type"], "filter": entry[f"{prefix}Value"]}
        for entry in properties.get(f"{prefix}s") or ()
    ]


def _invalid(reason: str) -> Refusal:
    return Refusal("InvalidParameterException", f"Invalid parameter at '{FILTERS}': {reason}")
