"""
ECR's lifecycle policies, which ministack only stores: their validation and previews.

Images are never deleted: a preview lists those that would be. This module is independent of
ministack.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from local.aws.ecr_scanning import Place, Refusal, page_of

LENGTH: Final = range(100, 30720 + 1)
PAGE: Final = 100
"""https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetLifecyclePolicyPreview.html"""
ANSWERS_IN_PROGRESS: Final = 1
"""The number of answers with IN_PROGRESS before the first result, so that callers have to wait."""
_DAY: Final = 24 * 60 * 60

Json = Any


@dataclass(frozen=True, slots=True)
class PolicyImage:
    """An image with the attributes that lifecycle policies use."""

    digest: str
    tags: tuple[str, ...]
    pushed_at: float
    members: tuple[str, ...] = ()
    """The images that an index refers to."""


@dataclass(slots=True)
class _Run:
    """A preview of a repository."""

    text: str
    results: Sequence[Json]
    in_progress: int = ANSWERS_IN_PROGRESS


@dataclass(slots=True)
class Previews:
    """The last preview of each repository."""

    _runs: dict[Place, _Run] = field(default_factory=dict)

    def start(self, place: Place, text: str, images: Sequence[PolicyImage], now: float) -> Json:
        """Evaluate a policy as StartLifecyclePolicyPreview does. Raises `Refusal`."""
        run = self._runs.get(place)
        if run is not None and run.in_progress:
            raise Refusal(
                "LifecyclePolicyPreviewInProgressException",
                "The previous lifecycle policy preview request has not completed.",
            )
        rules = rules_of(text)
        results = [_result(image, rule) for image, rule in mark_images(rules, images, now)]
        self._runs[place] = _Run(text, results)
        return _head(place, text, "IN_PROGRESS")

    def get(self, place: Place, request: Mapping[str, Json]) -> Json:
        """Answer as GetLifecyclePolicyPreview does. Raises `Refusal`."""
        run = self._runs.get(place)
        if run is None:
            raise Refusal(
                "LifecyclePolicyPreviewNotFoundException",
                f"There is no preview for the repository with name '{place.repository}'",
            )
        if request.get("maxResults", PAGE) > PAGE:
            raise Refusal(
                "InvalidParameterException",
                "Invalid parameter at 'maxResults' failed to satisfy constraint:"
                f" 'Member must have value less than or equal to {PAGE}'",
            )
        if run.in_progress:
            run.in_progress -= 1
            return _head(place, run.text, "IN_PROGRESS")
        expiring = sum(result["action"]["type"] == "EXPIRE" for result in run.results)
        return {
            **_head(place, run.text, "COMPLETE"),
            **page_of(run.results, "previewResults", {"maxResults": PAGE, **request}),
            "summary": {"expiringImageTotalCount": expiring},
        }


def rules_of(text: str) -> list[Json]:
    """Return the rules of a policy by priority. Raises `Refusal` for an invalid policy."""
    if len(text) not in LENGTH:
        raise _invalid("the text is too short or too long")
    try:
        rules = sorted(json.loads(text)["rules"], key=lambda rule: rule["rulePriority"])
        priorities = [rule["rulePriority"] for rule in rules]
        statuses = [rule["selection"]["tagStatus"] for rule in rules]
        counts = [rule["selection"]["countNumber"] for rule in rules]
        actions = [rule["action"]["type"] for rule in rules]
    except (ValueError, KeyError, TypeError) as error:
        raise _invalid(f"{type(error).__name__}: {error}") from error
    if not rules or min((*priorities, *counts)) < 1 or len(set(priorities)) < len(rules):
        raise _invalid("priorities are unique, and numbers above zero")
    if not set(statuses) <= {"tagged", "untagged", "any"} or "any" in statuses[:-1]:
        raise _invalid("a rule for any image has the highest priority")
    if not set(actions) <= {"expire", "transition"}:
        raise _invalid("an action is expire or transition")
    return rules


def mark_images(
    rules: Sequence[Json], images: Sequence[PolicyImage], now: float
) -> Iterator[tuple[PolicyImage, Json]]:
    """
    Yield the images that rules apply to, each with its rule.

    A rule considers all images that it selects, even those that another rule has marked. A later
    rule cannot mark an image that an earlier one selected. Members of an index stay with the index.
    """
    newest = sorted(images, key=lambda image: image.pushed_at, reverse=True)
    excluded = {digest for image in images for digest in image.members}
    for rule in rules:
        selection = rule["selection"]
        selected_images = [image for image in newest if _selects(selection, image)]
        if selection["countType"] == "imageCountMoreThan":
            candidates = selected_images[selection["countNumber"] :]
        else:
            oldest = now - selection["countNumber"] * _DAY
            candidates = [image for image in selected_images if image.pushed_at < oldest]
        for image in candidates:
            if image.digest not in excluded:
                yield image, rule
        excluded.update(image.digest for image in selected_images)


def _selects(selection: Mapping[str, Json], image: PolicyImage) -> bool:
    match selection["tagStatus"]:
        case "any":
            return True
        case "untagged":
            return not image.tags
        case _:
            prefixes = [f"{prefix}*" for prefix in selection.get("tagPrefixList") or ()]
            patterns = [*prefixes, *(selection.get("tagPatternList") or ())]
            return bool(image.tags) and all(
                any(fnmatchcase(tag, pattern) for tag in image.tags) for pattern in patterns
            )


def _result(image: PolicyImage, rule: Json) -> Json:
    action = {"type": rule["action"]["type"].upper()}
    if action["type"] == "TRANSITION":
        action["targetStorageClass"] = "ARCHIVE"
    return {
        "imageTags": list(image.tags),
        "imageDigest": image.digest,
        "imagePushedAt": image.pushed_at,
        "action": action,
        "appliedRulePriority": rule["rulePriority"],
    }


def _head(place: Place, text: str, status: str) -> dict[str, Json]:
    return {
        "registryId": place.account,
        "repositoryName": place.repository,
        "lifecyclePolicyText": text,
        "status": status,
    }


def _invalid(reason: str) -> Refusal:
    return Refusal(
        "InvalidParameterException",
        "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint:"
        f" 'Lifecycle policy validation failure: {reason}'",
    )
