"""
Checks of what a repository keeps: its lifecycle policy, and the images that run. Pure.

A remedy keeps the rules that are there, and as many images as what runs needs.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from lib.checks import remedies
from lib.checks.completion import (
    UNTAGGED_DAYS,
    completed,
    difference,
    policy,
    with_longer_retention,
    with_patterns,
)
from lib.checks.expectations import Expectations
from lib.checks.findings import (
    LIFECYCLE_IDLE,
    LIFECYCLE_INVALID,
    LIFECYCLE_MISSING,
    LIFECYCLE_OLD,
    LIFECYCLE_RUNNING,
    LIFECYCLE_UNTAGGED,
    finding,
)
from lib.checks.lifecycle import EndangeredImage, IdleRule, endangered, judge, needed
from lib.checks.policies import LifecyclePolicy, parse
from lib.checks.remedies import BEFORE, Remedy
from lib.errors import DocumentError
from lib.models import Finding, RepositorySettings, Severity, permissions
from lib.text import counted

_GB: Final = 1024**3
_NAMED: Final = 3
_DIGEST: Final = 19
_KEEP_MORE: Final = "to keep more use `--keep {number}`"
_UNKNOWN_RUNS: Final = " What runs is not known here."
_INCOMPLETE: Final = "incomplete"
_IDLE: Final = "idle"
_RUNNING: Final = "running"
_REMARKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        _RUNNING: "Deploy newer images first, or keep these for longer:",
        _IDLE: f"{BEFORE} check that any one of the tags was meant to be enough. The rules then "
        "delete or archive the images that match.",
        _INCOMPLETE: f"{BEFORE} ECR will delete for good what the new rules select, also an image "
        "in use. The rules that are there stay.",
    }
)
"""By the fault that a command repairs."""
_BY_HAND: Final[Mapping[str, str]] = MappingProxyType(
    {
        _IDLE: "Correct the tags of these rules:",
        _INCOMPLETE: "A rule archives these images for good. Suppress this where that is meant; "
        "else add a rule that expires them from the archive:",
    }
)


def check_retention(
    settings: RepositorySettings, expected: Expectations, now: datetime
) -> Iterator[Finding]:
    """Yield a finding for each fault of a lifecycle policy, or for a missing one."""
    keep = kept(settings, expected)
    if settings.lifecycle_policy is None:
        yield _missing(settings, expected, keep, now)
        return
    try:
        own = parse(settings.lifecycle_policy)
    except DocumentError as error:
        yield _invalid(settings, expected, str(error))
        return
    judgement = judge(own, settings.stored, keep)
    at_risk = endangered(own, settings.stored, settings.running or (), now)
    repair = _repair(settings, own, keep, now)
    price = cost(settings, expected)
    remedy = _completion(settings, expected, own, repair, now)
    if judgement.untagged:
        risk = f"{judgement.untagged} {settings.untagged:,} are there now. {price}"
        yield _kept_for_ever(LIFECYCLE_UNTAGGED, "untagged images", "untagged images", risk, remedy)
    if judgement.old:
        risk = f"{judgement.old} {price}"
        yield _kept_for_ever(LIFECYCLE_OLD, "old images", "old images with tags", risk, remedy)
    if judgement.idle:
        yield _idle(judgement.idle, _remedy(settings, own, repair, now, _IDLE))
    if at_risk:
        yield _running(at_risk, _remedy(settings, own, repair, now, _RUNNING))


class _Repair(NamedTuple):
    """A policy for all that is found: of two commands, the second would undo the first."""

    policy: LifecyclePolicy
    done: tuple[str, ...]
    """The faults that it repairs."""
    left: tuple[str, ...]
    """Those that only people can."""


def _repair(
    settings: RepositorySettings, own: LifecyclePolicy, keep: int, now: datetime
) -> _Repair:
    done: list[str] = []
    left: list[str] = []
    policy_ = own
    running = settings.running or ()
    if endangered(policy_, settings.stored, running, now):
        policy_ = parse(with_longer_retention(policy_, settings.stored, running, now))
        done.append(_RUNNING)
    idle = judge(policy_, settings.stored, keep).idle
    if idle:
        text = with_patterns(policy_, idle)
        policy_ = policy_ if text is None else parse(text)
        (left if text is None else done).append(_IDLE)
    judgement = judge(policy_, settings.stored, keep)
    if judgement.untagged or judgement.old:
        text = completed(policy_, settings.stored, keep)
        policy_ = policy_ if text is None else parse(text)
        (left if text is None else done).append(_INCOMPLETE)
    return _Repair(policy_, tuple(done), tuple(left))


def _kept_for_ever(
    identifier: str, setting: str, images: str, risk: str, remedy: Remedy
) -> Finding:
    title = f"{images} are kept for ever"
    return finding(identifier, Severity.LOW, setting, "kept", title=title, risk=risk, remedy=remedy)


def kept(settings: RepositorySettings, expected: Expectations) -> int:
    """Return how many images may stay: more than `keep` where one runs that is older."""
    return max(expected.keep, needed(settings.stored, settings.running or ()))


def _missing(
    settings: RepositorySettings, expected: Expectations, keep: int, now: datetime
) -> Finding:
    text = policy(keep)
    proposed = parse(text)
    effect = f"ECR will delete all but the newest {keep:,} images for good, also one in use."
    remark = (
        f"{BEFORE} {effect} To keep more, raise countNumber, or add a rule for their tags first."
        f"{_unknown_runs(settings)}"
    )
    if keep > expected.keep:
        remark = f"{remark} {keep:,} and not {expected.keep:,}, as an image runs that old."
    remedy = remedies.lifecycle(
        settings,
        text,
        remark=_warned(settings, proposed, remark, now),
        difference=difference(LifecyclePolicy(()), proposed),
    )
    return finding(
        LIFECYCLE_MISSING,
        Severity.MEDIUM,
        "lifecycle policy",
        "none",
        title="there is no lifecycle policy",
        risk=f"No image is ever deleted, so they will pile up. {cost(settings, expected)}",
        remedy=remedies.guided(
            remedies.with_preview(remedy, settings, keep),
            settings,
            expected,
            f"all but the newest {keep:,} images are deleted, even ones in use, and untagged ones "
            f"after {UNTAGGED_DAYS} days; {_KEEP_MORE.format(number=2 * keep)}",
        ),
    )


def _invalid(settings: RepositorySettings, expected: Expectations, error: str) -> Finding:
    return finding(
        LIFECYCLE_INVALID,
        Severity.MEDIUM,
        "lifecycle policy",
        "not valid",
        title=f"the lifecycle policy is not valid: {error}",
        risk=f"It may delete nothing, or not what was meant. {cost(settings, expected)}",
        remedy=remedies.lifecycle_by_hand(settings, "Correct the place that the title names:"),
    )


def _completion(
    settings: RepositorySettings,
    expected: Expectations,
    own: LifecyclePolicy,
    repair: _Repair,
    now: datetime,
) -> Remedy:
    """Return the policy with the rules that it lacks, or the way to change it by hand."""
    remedy = _remedy(settings, own, repair, now, _INCOMPLETE)
    if _INCOMPLETE in repair.left:
        return remedy
    return remedies.guided(
        remedy,
        settings,
        expected,
        "images are deleted by new rules, even ones in use; "
        f"{_KEEP_MORE.format(number=2 * expected.keep)}",
    )


def _remedy(
    settings: RepositorySettings,
    own: LifecyclePolicy,
    repair: _Repair,
    now: datetime,
    fault: str,
) -> Remedy:
    """Return the remedy of a fault: by hand, or the policy that repairs each that can be."""
    if fault in repair.left:
        return remedies.lifecycle_by_hand(settings, _BY_HAND[fault])
    proposed = repair.policy
    remarks = [_REMARKS[repaired] for repaired in repair.done]
    if len(remarks) > 1:
        remarks.insert(0, "This repairs what is found about the policy.")
    if _INCOMPLETE in repair.done and settings.images and settings.running is None:
        remarks.append(_UNKNOWN_RUNS.strip())
    return remedies.lifecycle(
        settings,
        json.dumps({"rules": [rule.document for rule in proposed.rules]}, indent=2),
        remark=_warned(settings, proposed, " ".join(remarks), now),
        difference=difference(own, proposed),
    )


def _idle(idle: Sequence[IdleRule], remedy: Remedy) -> Finding:
    numbers = ", ".join(str(one.rule.priority) for one in idle)
    plural = len(idle) > 1
    return finding(
        LIFECYCLE_IDLE,
        Severity.MEDIUM,
        "lifecycle rules",
        numbers,
        title=f"rule{'s' if plural else ''} {numbers} of the lifecycle policy "
        f"{'match' if plural else 'matches'} no image",
        risk="".join(f"Rule {one.rule.priority}: {one.reason}. " for one in idle)
        + "What they were to keep or to delete, other rules decide.",
        remedy=remedy,
    )


def _running(at_risk: Sequence[EndangeredImage], remedy: Remedy) -> Finding:
    return finding(
        LIFECYCLE_RUNNING,
        Severity.HIGH,
        "running images",
        str(len(at_risk)),
        title=f"the lifecycle policy takes away {counted(len(at_risk), 'image')} in use",
        risk=f"{runs_text(at_risk)} ECR acts within a day, and what starts anew cannot pull.",
        remedy=remedy,
    )


def _unknown_runs(settings: RepositorySettings) -> str:
    return _UNKNOWN_RUNS if settings.images and settings.running is None else ""


def _warned(
    settings: RepositorySettings, proposed: LifecyclePolicy, remark: str, now: datetime
) -> str:
    """Put the running images that a proposed policy takes away in front of a remark."""
    at_risk = endangered(proposed, settings.stored, settings.running or (), now)
    if not at_risk:
        return remark
    return f"{runs_text(at_risk)} Deploy newer images first. {remark}"


def runs_text(at_risk: Sequence[EndangeredImage]) -> str:
    """Return which running images a policy takes away, and what runs them."""
    names = [
        f"{', '.join(one.image.tags) or one.image.digest[:_DIGEST]} ({one.running.runs})"
        for one in at_risk[:_NAMED]
    ]
    more = f" and {len(at_risk) - _NAMED} more" if len(at_risk) > _NAMED else ""
    verb = "goes although it runs" if len(at_risk) == 1 else "go although they run"
    return f"{', '.join(names)}{more} {verb}."


def cost(settings: RepositorySettings, expected: Expectations) -> str:
    """Describe the stored images and their maximum cost: shared layers are billed once."""
    if settings.template is not None:
        return "The same holds for each repository that ECR creates by this template."
    if settings.lacks(permissions.IMAGES):
        return "How much the repository holds is not known."
    if not settings.images:
        return "The repository is empty now."
    size = settings.stored_bytes / _GB
    amount = f"{size:,.1f} GB" if size >= 1 else f"{settings.stored_bytes / 1024**2:,.0f} MB"
    return (
        f"It holds {counted(settings.images, 'image')} of up to {amount}, up to "
        f"{size * expected.price:,.2f} USD a month (layers that images share are stored once)."
    )
