"""
Settings of a repository: the expected ones, and the differences of an existing one. Pure.

A setting that is stricter than expected is never relaxed.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from lib.checks.caches import build_cache_tags
from lib.checks.completion import UNTAGGED_DAYS, completed
from lib.checks.completion import policy as lifecycle_policy
from lib.checks.lifecycle import judge, needed
from lib.checks.policies import parse
from lib.checks.unknown import reason
from lib.errors import DocumentError
from lib.models import PullThroughCache, Refusal, RunningImage, StoredImage, permissions
from lib.text import counted

_DESCRIPTION: Final = permissions.DESCRIBE_REPOSITORIES
MUTABLE: Final = "MUTABLE"
IMMUTABLE: Final = "IMMUTABLE"
_EXCEPT: Final = "_WITH_EXCLUSION"
AES256: Final = "AES256"
KMS: Final = "KMS"
LATEST: Final = "latest"

MOST_FILTERS: Final = 5
"""https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImageTagMutability.html"""
_MOST_WILDCARDS: Final = 2
"""https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html"""
_FILTER: Final = re.compile(r"[0-9a-zA-Z._*-]{1,128}")
"""https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageTagMutabilityExclusionFilter.html"""
_NAME: Final = re.compile(
    r"(?=.{2,256}\Z)[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
)
"""https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html"""
_ADDRESS: Final = re.compile(r"\d{12}\.dkr[.-]ecr")
_KEY: Final = re.compile(
    r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):\d{12}:(?:key|alias)/[0-9A-Za-z:/_-]+"
)


@dataclass(frozen=True, slots=True)
class Wishes:
    """The expected settings of a repository."""

    keep: int
    allow: tuple[str, ...] = ()
    """Tags that may be moved."""
    kms: str | None = None
    """The ARN of a key, "" for the AWS managed key; None for any encryption."""

    @property
    def mutability(self) -> "Mutability":
        """The expected mutability of tags."""
        return Mutability.but(self.allow)

    @property
    def encryption(self) -> str:
        """The type of encryption of a new repository."""
        return AES256 if self.kms is None else KMS

    @property
    def lifecycle(self) -> str:
        """The lifecycle policy of a new repository."""
        return lifecycle_policy(self.keep, UNTAGGED_DAYS)


@dataclass(frozen=True, slots=True)
class Mutability:
    """Whether tags may be moved, and the filters of exceptions."""

    mode: str = MUTABLE
    filters: tuple[str, ...] = ()

    @classmethod
    def but(cls, allow: Sequence[str]) -> "Mutability":
        """Return the mode in which only these tags may be moved."""
        return cls(f"{IMMUTABLE}{_EXCEPT}" if allow else IMMUTABLE, tuple(allow))

    @property
    def moves_by_default(self) -> bool:
        """Whether a tag that no filter matches may be moved."""
        return self.mode.startswith(MUTABLE)

    def tightened(self, allow: Sequence[str]) -> "Mutability":
        """Return the mode in which tags may be moved that are both movable now and allowed."""
        if self.moves_by_default:
            return self.but([glob for glob in allow if not _covered(glob, self.filters)])
        common = [filter_ for filter_ in self.filters if _covered(filter_, allow)]
        narrower = [glob for glob in allow if _covered(glob, self.filters) and glob not in common]
        return self.but([*common, *narrower])

    def __str__(self) -> str:
        if not self.filters:
            return self.mode
        return f"{self.mode.removesuffix(_EXCEPT)} except {', '.join(self.filters)}"


@dataclass(frozen=True, slots=True)
class RegistryScanning:
    """The scanning configuration of a registry."""

    enhanced: bool = False
    rules: tuple[Mapping[str, Any], ...] = ()

    def frequency(self, repository: str) -> str | None:
        """
        Return the scan frequency of a repository's images by the rules; None without a rule.

        A filter without a star matches every repository with that text in its name.
        https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html#image-scanning-filters
        """
        for rule in self.rules:
            filters = (item["filter"] for item in rule["repositoryFilters"])
            if rule["scanFrequency"] != "MANUAL" and any(
                fnmatchcase(repository, text if "*" in text else f"*{text}*") for text in filters
            ):
                return str(rule["scanFrequency"])
        return None


@dataclass(frozen=True, slots=True)
class Settings:
    """The current settings of a repository."""

    name: str
    mutability: Mutability = Mutability()
    scan_on_push: bool = False
    lifecycle: str | None = None
    encryption: str = AES256
    key: str | None = None
    registry: RegistryScanning = RegistryScanning()
    stored: tuple[StoredImage, ...] = ()
    cache: PullThroughCache | None = None
    running: tuple[RunningImage, ...] | None = None
    refusals: tuple[Refusal, ...] = ()
    """The calls that your credentials may not make. Fields of theirs have their defaults."""


@dataclass(frozen=True, slots=True)
class Change:
    """A call of ECR: its name in boto3, and its arguments except for the repository."""

    operation: str
    request: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A setting: its current and its expected value, and the change to it."""

    setting: str
    now: str
    wanted: str
    change: Change | None = None
    advice: str = ""
    """A remark, or a step to do manually."""
    is_known: bool = True
    """False: what the setting is, or should be, is not known; `now` says why."""

    @property
    def differs(self) -> bool:
        """Whether the setting differs from the expected one."""
        return self.now != self.wanted


def check_name(name: str) -> str:
    """Return the name of a repository. Raises `DocumentError` if ECR would refuse it."""
    if _ADDRESS.match(name):
        raise DocumentError(f"{name} is an address: give the name alone, what follows the slash")
    if _NAME.fullmatch(name) is None:
        raise DocumentError(
            f"{name!r} is no name of a repository: it takes 2 to 256 lowercase letters and digits, "
            "in parts that are joined by one of . _ - or /, such as payments/api"
        )
    return name


def check_allowed(tags: Sequence[str]) -> tuple[str, ...]:
    """Return tags that may be moved. Raises `DocumentError` if ECR would refuse them."""
    allowed = tuple(dict.fromkeys(tags))
    if len(allowed) > MOST_FILTERS:
        raise DocumentError(f"ECR takes {MOST_FILTERS} tags or patterns that may be moved at most")
    for glob in allowed:
        if _FILTER.fullmatch(glob) is None or glob.count("*") > _MOST_WILDCARDS:
            raise DocumentError(
                f"{glob!r} is no pattern of tags: it takes letters, digits and . _ - with two * at "
                "most, such as latest or dev-*"
            )
        if not glob.strip("*"):
            raise DocumentError(f"{glob!r} would let every tag be moved: name the ones that may be")
    return allowed


def check_key(key: str | None, region: str | None) -> str | None:
    """Return the ARN of a key. Raises `DocumentError` for an invalid one and another region."""
    if not key:
        return key
    match = _KEY.fullmatch(key)
    if match is None:
        raise DocumentError(
            f"{key!r} is not the ARN of a KMS key (arn:aws:kms:…); --kms alone takes AWS's own"
        )
    if region not in (None, match["region"]):
        raise DocumentError(f"the key is in {match['region']}, and has to be in {region}")
    return key


def compare(now: Settings, wishes: Wishes) -> list[Comparison]:
    """Compare every setting with the expected one. What is not known is not to be changed."""
    return [
        _unless_refused(now, comparison, needed)
        for comparison, needed in (
            (_tags(now, wishes), (_DESCRIPTION, permissions.CACHE_RULES, permissions.IMAGES)),
            (_scanning(now), (permissions.SCANNING, *_own_scanning(now))),
            (_lifecycle(now, wishes), (permissions.LIFECYCLE_POLICY, *_for_change(now))),
            (_encryption(now, wishes), (_DESCRIPTION,)),
        )
    ]


def _unless_refused(now: Settings, comparison: Comparison, needed: Sequence[str]) -> Comparison:
    """
    Return a comparison, or that nothing is known.

    The first call says what the setting is. The others say what it should be, which matters where
    it is to be changed.
    """
    matters = needed if comparison.differs else needed[:1]
    refused = tuple(refusal for refusal in now.refusals if refusal.action in matters)
    if not refused:
        return comparison
    why = reason(refused)
    return Comparison(comparison.setting, why, why, is_known=False)


def _own_scanning(now: Settings) -> Sequence[str]:
    """Return the call whose answer counts where the registry has no rule about scanning."""
    return () if now.registry.enhanced else (_DESCRIPTION,)


def _for_change(now: Settings) -> Sequence[str]:
    """Return the calls that say which images a policy may not delete, where there are any."""
    if not now.stored:
        return (permissions.IMAGES,)
    others = (one.action for one in now.refusals if not one.action.startswith("ecr:"))
    return (permissions.IMAGES, *([permissions.MANIFESTS] if now.running else []), *others)


def _tags(now: Settings, wishes: Wishes) -> Comparison:
    caches = build_cache_tags(now.stored)
    allow = (*wishes.allow, *(tag for tag in caches if not _covered(tag, wishes.allow)))
    advice = _left_mutable(now, allow)
    if advice:
        current = str(now.mutability)
        return Comparison("tag mutability", current, current, advice=advice)
    return _immutable_tags(now, wishes, allow)


def _left_mutable(now: Settings, allow: Sequence[str]) -> str:
    """Return why the mutability of tags stays as it is; empty where it may change."""
    if now.cache is not None:
        return f"It caches {now.cache.upstream}: ECR has to move its tags, so nothing is changed"
    if "*" in allow:
        return "It holds build caches alone: their tags move with each build"
    if len(allow) > MOST_FILTERS:
        return (
            f"ECR takes {MOST_FILTERS} patterns of tags that may be moved, and these may: "
            f"{', '.join(allow)}; --allow with wider ones"
        )
    return ""


def _immutable_tags(now: Settings, wishes: Wishes, allow: Sequence[str]) -> Comparison:
    expected = now.mutability.tightened(allow)
    if _same(expected, now.mutability):
        expected = now.mutability
    stay = [glob for glob in wishes.allow if not _covered(glob, expected.filters)]
    advice = ""
    if stay:
        advice = (
            f"{', '.join(stay)} cannot be moved now, and stays so: to allow it is a step back "
            "(aws ecr put-image-tag-mutability)"
        )
    request: dict[str, Any] = {"imageTagMutability": expected.mode}
    if expected.filters:
        request["imageTagMutabilityExclusionFilters"] = [
            {"filterType": "WILDCARD", "filter": glob} for glob in expected.filters
        ]
    change = Change("put_image_tag_mutability", request)
    return Comparison("tag mutability", str(now.mutability), str(expected), change, advice)


def _same(first: Mutability, second: Mutability) -> bool:
    return first.mode == second.mode and set(first.filters) == set(second.filters)


def _scanning(now: Settings) -> Comparison:
    title, frequency = "scan on push", now.registry.frequency(now.name)
    if frequency is not None:
        current = f"by a rule of the registry ({frequency})"
        return Comparison(title, current, current)
    if now.registry.enhanced:
        return Comparison(
            title,
            "no: the registry has enhanced scanning, and none of its rules names this repository",
            "by a rule of the registry",
            advice="With enhanced scanning, the repository's own setting has no effect. Add it to "
            "a rule of the registry, which then also holds for longer names with this one in "
            f"them: {registry_command(now)}",
        )
    change = Change(
        "put_image_scanning_configuration", {"imageScanningConfiguration": {"scanOnPush": True}}
    )
    return Comparison(title, "yes" if now.scan_on_push else "no", "yes", change)


def registry_command(now: Settings) -> str:
    """Return the command that adds the repository to the registry's scanning rules."""
    rules = [dict(rule) for rule in now.registry.rules]
    mine = {"filter": now.name, "filterType": "WILDCARD"}
    for rule in rules:
        if rule["scanFrequency"] != "MANUAL":
            rule["repositoryFilters"] = [*rule["repositoryFilters"], mine]
            break
    else:
        rules.append({"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [mine]})
    return (
        "aws ecr put-registry-scanning-configuration --scan-type ENHANCED "
        f"--rules '{json.dumps(rules, separators=(',', ':'))}'"
    )


def _lifecycle(now: Settings, wishes: Wishes) -> Comparison:
    title, own = "lifecycle policy", now.lifecycle
    keep = max(wishes.keep, needed(now.stored, now.running or ()))
    spared = (
        f"{counted(keep, 'image')} stay, as one runs that is that old" if keep > wishes.keep else ""
    )
    if own is None:
        return _put_policy("none", lifecycle_policy(keep, UNTAGGED_DAYS), spared)
    try:
        read = parse(own)
    except DocumentError as error:
        current = "one of your own"
        return Comparison(
            title, current, current, advice=f"It is not looked at, and stays: {error}"
        )
    own_text = json.dumps(json.loads(own), indent=2)
    judgement = judge(read, now.stored, keep)
    advice = "; ".join(
        (
            *([spared] if spared else []),
            *(f"Rule {idle.rule.priority}: {idle.reason}" for idle in judgement.idle),
        )
    )
    if judgement.is_sound:
        current = "one that expires untagged and old images"
        return Comparison(title, current, current, advice=advice)
    text = completed(read, now.stored, keep)
    if text is not None:
        return _put_policy(own_text, text, advice)
    return Comparison(
        title,
        own_text,
        f"one that expires untagged images, and all but the newest {keep}",
        advice="A rule of it archives what would have to expire; change it by hand",
    )


def _put_policy(now: str, text: str, advice: str = "") -> Comparison:
    change = Change("put_lifecycle_policy", {"lifecyclePolicyText": text})
    return Comparison("lifecycle policy", now, text, change, advice)


def _encryption(now: Settings, wishes: Wishes) -> Comparison:
    title, current = "encryption", f"{now.encryption} {now.key or ''}".rstrip()
    keyed = now.encryption.startswith(KMS)
    if wishes.kms is None or (keyed and wishes.kms in ("", now.key)):
        return Comparison(title, current, current)
    return Comparison(
        title,
        current,
        f"{KMS} {wishes.kms}".rstrip(),
        advice="The encryption of a repository is fixed when it is made. Make another one "
        "(`repository template NEW --kms`), copy the images that are still in use, have everybody "
        "use it, and delete this one",
    )


def _covered(pattern: str, globs: Sequence[str]) -> bool:
    """Whether every tag of a pattern matches one of the globs. A * in it needs a * to match."""
    return any(fnmatchcase(pattern, glob) for glob in globs)
