"""
Rules of a registry that ministack lacks: pull-through caches, and creation templates.

Nothing is cached and no repository is created by them; they are kept, checked and listed.
Independent of ministack.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from local.aws.ecr_repositories import check_mutability
from local.aws.ecr_scanning import Refusal, page_of

_CACHE: Final = "PullThroughCacheRule"
_TEMPLATE: Final = "RepositoryCreationTemplate"
_REASONS: Final = ("PULL_THROUGH_CACHE", "REPLICATION", "CREATE_ON_PUSH")

Json = Any
Kept = dict[str, Json]


@dataclass(slots=True)
class RegistryRules:
    """Rules of pull-through caches and creation templates, by account, region and prefix."""

    _caches: dict[tuple[str, str], Kept] = field(default_factory=dict)
    _templates: dict[tuple[str, str], Kept] = field(default_factory=dict)

    def answer(self, action: str, account: str, region: str, request: Mapping[str, Json]) -> Json:
        """Answer an action; None for one that is about something else. Raises `Refusal`."""
        caches = self._caches.setdefault((account, region), {})
        templates = self._templates.setdefault((account, region), {})
        answers: Mapping[str, Callable[[], Json]] = {
            f"Create{_CACHE}": lambda: _created(caches, "ecrRepositoryPrefix", request, _CACHE),
            f"Delete{_CACHE}": lambda: _deleted(caches, "ecrRepositoryPrefix", request, _CACHE),
            f"Describe{_CACHE}s": lambda: _listed(
                caches, request.get("ecrRepositoryPrefixes"), "pullThroughCacheRules", request
            ),
            f"Create{_TEMPLATE}": lambda: _template(templates, request),
            f"Update{_TEMPLATE}": lambda: _updated(templates, request),
            f"Delete{_TEMPLATE}": lambda: {
                "repositoryCreationTemplate": _deleted(templates, "prefix", request, _TEMPLATE)
            },
            f"Describe{_TEMPLATE}s": lambda: {
                "registryId": account,
                **_listed(
                    templates, request.get("prefixes"), "repositoryCreationTemplates", request
                ),
            },
        }
        given = answers.get(action)
        return None if given is None else given()


def _created(kept: Kept, key: str, request: Mapping[str, Json], kind: str) -> Json:
    prefix = request[key]
    if prefix in kept:
        code = "TemplateAlreadyExists" if kind == _TEMPLATE else f"{kind}AlreadyExists"
        raise Refusal(f"{code}Exception", f"'{prefix}' exists")
    kept[prefix] = dict(request)
    return kept[prefix]


def _deleted(kept: Kept, key: str, request: Mapping[str, Json], kind: str) -> Json:
    prefix = request[key]
    if prefix not in kept:
        code = "Template" if kind == _TEMPLATE else kind
        raise Refusal(f"{code}NotFoundException", f"'{prefix}' does not exist")
    return kept.pop(prefix)


def _template(kept: Kept, request: Mapping[str, Json]) -> Json:
    """Keep a template. ECR looks at its lifecycle policy only when it creates a repository."""
    check_mutability(request)
    if not set(request["appliedFor"]) <= set(_REASONS):
        raise Refusal("InvalidParameterException", f"appliedFor is one of {', '.join(_REASONS)}")
    created = _created(kept, "prefix", {"imageTagMutability": "MUTABLE", **request}, _TEMPLATE)
    return {"repositoryCreationTemplate": created}


def _updated(kept: Kept, request: Mapping[str, Json]) -> Json:
    check_mutability(request)
    before = _deleted(kept, "prefix", request, _TEMPLATE)
    kept[request["prefix"]] = {**before, **request}
    return {"repositoryCreationTemplate": kept[request["prefix"]]}


def _listed(kept: Kept, prefixes: list[str] | None, name: str, request: Mapping[str, Json]) -> Json:
    if prefixes is not None and name == "repositoryCreationTemplates":
        missing = [prefix for prefix in prefixes if prefix not in kept]
        if missing:
            raise Refusal("TemplateNotFoundException", f"'{missing[0]}' does not exist")
    rows = [row for prefix, row in kept.items() if prefixes is None or prefix in prefixes]
    return page_of(rows, name, request)
