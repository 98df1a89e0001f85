"""
Settings of repositories and of their registry that the embedded AWS lacks.

Tags that may be moved although others may not, and how a registry scans. Nothing here knows the
embedded AWS.
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
    """How each registry scans, by account and region: basic without rules until it is told."""

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
        if any(each["scanFrequency"] not in _FREQUENCIES[kind] for each in rules):
            raise Refusal(
                "InvalidParameterException", f"Invalid scan frequency for scan type '{kind}'"
            )
        configuration = {"scanType": kind, "rules": rules}
        self._configurations[account, region] = configuration
        return {"registryScanningConfiguration": configuration}

    def scans_on_push(self, account: str, region: str, repository: str, *, own: bool) -> bool:
        """Tell whether what is pushed is scanned; `own`: the repository's own setting."""
        configuration = self.get(account, region)["scanningConfiguration"]
        if configuration["scanType"] == "BASIC" and not configuration["rules"]:
            return own
        filters = [
            each["filter"] for rule in configuration["rules"] for each in rule["repositoryFilters"]
        ]
        return any(
            fnmatchcase(repository, each if "*" in each else f"*{each}*") for each in filters
        )


def check_mutability(request: Mapping[str, Json]) -> None:
    """
    Refuse filters where there may be none, or none where there must be. Raises `Refusal`.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
    """
    filters = request.get(FILTERS, [])
    excludes = request.get(MODE, "MUTABLE").endswith("_WITH_EXCLUSION")
    if excludes != bool(filters):
        raise _invalid("filters belong to the modes with exclusion")
    if len(filters) > MOST_FILTERS:
        raise _invalid(f"at most {MOST_FILTERS} filters")
    if any(each["filter"].count("*") > MOST_WILDCARDS for each in filters):
        raise _invalid(f"at most {MOST_WILDCARDS} wildcards")


def may_move(repository: Mapping[str, Json], tag: str) -> bool:
    """Tell whether a tag of a repository may go to another image."""
    excluded = any(fnmatchcase(tag, each["filter"]) for each in repository.get(FILTERS, ()))
    return str(repository[MODE]).startswith("MUTABLE") != excluded


def filters_of_properties(properties: Mapping[str, Json]) -> list[Json]:
    """Return the filters of an AWS::ECR::Repository as the API has them."""
    prefix = "ImageTagMutabilityExclusionFilter"
    return [
        {"filterType": each[f"{prefix}Type"], "filter": each[f"{prefix}Value"]}
        for each in properties.get(f"{prefix}s") or ()
    ]


def _invalid(why: str) -> Refusal:
    return Refusal("InvalidParameterException", f"Invalid parameter at '{FILTERS}': {why}")
