"""
What a repository should be, and what another one lacks of it. Pure.

Nothing that is stricter than asked is ever made weaker.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from lib.checks.lifecycle import (
    UNTAGGED_DAYS,
    can_expire_old,
    can_expire_untagged,
    completed,
    parse,
)
from lib.checks.lifecycle import policy as lifecycle_policy
from lib.errors import DocumentError

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
    """What a repository should be."""

    keep: int
    allow: tuple[str, ...] = ()
    """Tags that may be moved."""
    kms: str | None = None
    """The ARN of a key, "" for the one that AWS manages; None: whatever encryption it has."""

    @property
    def mutability(self) -> "Mutability":
        """How tags are to be kept."""
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
    """Whether tags may be moved, and for which it is the other way round."""

    mode: str = MUTABLE
    filters: tuple[str, ...] = ()

    @classmethod
    def but(cls, allow: Sequence[str]) -> "Mutability":
        """Return the mode in which no tag may be moved but these."""
        return cls(f"{IMMUTABLE}{_EXCEPT}" if allow else IMMUTABLE, tuple(allow))

    @property
    def moves_by_default(self) -> bool:
        """Whether a tag that no filter names may be moved."""
        return self.mode.startswith(MUTABLE)

    def tightened(self, allow: Sequence[str]) -> "Mutability":
        """Return the mode in which only tags may be moved that may be now and are allowed."""
        if self.moves_by_default:
            return self.but([each for each in allow if not _covered(each, self.filters)])
        kept = [each for each in self.filters if _covered(each, allow)]
        narrower = [each for each in allow if _covered(each, self.filters) and each not in kept]
        return self.but([*kept, *narrower])

    def __str__(self) -> str:
        if not self.filters:
            return self.mode
        return f"{self.mode.removesuffix(_EXCEPT)} except {', '.join(self.filters)}"


@dataclass(frozen=True, slots=True)
class RegistryScanning:
    """What the registry says about the scans of all its repositories."""

    enhanced: bool = False
    rules: tuple[Mapping[str, Any], ...] = ()

    def frequency(self, repository: str) -> str | None:
        """
        Return how often the images of a repository are scanned by its rules, if at all.

        A filter without a star names every repository that has it in its name.
        https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html#image-scanning-filters
        """
        for rule in self.rules:
            filters = (each["filter"] for each in rule["repositoryFilters"])
            if rule["scanFrequency"] != "MANUAL" and any(
                fnmatchcase(repository, each if "*" in each else f"*{each}*") for each in filters
            ):
                return str(rule["scanFrequency"])
        return None


@dataclass(frozen=True, slots=True)
class Settings:
    """What a repository is."""

    name: str
    mutability: Mutability = Mutability()
    scan_on_push: bool = False
    lifecycle: str | None = None
    encryption: str = AES256
    key: str | None = None
    registry: RegistryScanning = RegistryScanning()


@dataclass(frozen=True, slots=True)
class Change:
    """A call of ECR, by the name that boto3 gives it, and what it is asked beside the name."""

    operation: str
    request: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One setting: what it is, what it should be, and how it becomes that."""

    setting: str
    now: str
    wanted: str
    change: Change | None = None
    advice: str = ""
    """What is worth knowing, or to be done by hand."""

    @property
    def differs(self) -> bool:
        """Whether it is not as it should be."""
        return self.now != self.wanted


def check_name(name: str) -> str:
    """Return the name of a repository. Raises `DocumentError` for what ECR would refuse."""
    if _ADDRESS.match(name):
        raise DocumentError(f"{name} is an address: give the name alone, what follows the slash")
    if _NAME.fullmatch(name) is None:
        raise DocumentError(
            f"{name!r} is no name of a repository: it takes 2 to 256 lowercase letters and digits, "
            "in parts that are joined by one of . _ - or /, such as payments/api"
        )
    return name


def check_allowed(tags: Sequence[str]) -> tuple[str, ...]:
    """Return tags that may be moved. Raises `DocumentError` for what ECR would refuse."""
    allowed = tuple(dict.fromkeys(tags))
    if len(allowed) > MOST_FILTERS:
        raise DocumentError(f"ECR takes {MOST_FILTERS} tags or patterns that may be moved at most")
    for each in allowed:
        if _FILTER.fullmatch(each) is None or each.count("*") > _MOST_WILDCARDS:
            raise DocumentError(
                f"{each!r} is no pattern of tags: it takes letters, digits and . _ - with two * at "
                "most, such as latest or dev-*"
            )
        if not each.strip("*"):
            raise DocumentError(f"{each!r} would let every tag be moved: name the ones that may be")
    return allowed


def check_key(key: str | None, region: str | None) -> str | None:
    """Return the ARN of a key. Raises `DocumentError` for what is none or is elsewhere."""
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
    """Return every setting with what it should be."""
    return [
        _tags(now, wishes),
        _scanning(now),
        _lifecycle(now, wishes),
        _encryption(now, wishes),
    ]


def _tags(now: Settings, wishes: Wishes) -> Comparison:
    wanted = now.mutability.tightened(wishes.allow)
    if _same(wanted, now.mutability):
        wanted = now.mutability
    stay = [each for each in wishes.allow if not _covered(each, wanted.filters)]
    advice = ""
    if stay:
        advice = (
            f"{', '.join(stay)} cannot be moved now, and stays so: to allow it is a step back "
            "(aws ecr put-image-tag-mutability)"
        )
    request: dict[str, Any] = {"imageTagMutability": wanted.mode}
    if wanted.filters:
        request["imageTagMutabilityExclusionFilters"] = [
            {"filterType": "WILDCARD", "filter": each} for each in wanted.filters
        ]
    change = Change("put_image_tag_mutability", request)
    return Comparison("tag mutability", str(now.mutability), str(wanted), change, advice)


def _same(one: Mutability, other: Mutability) -> bool:
    return one.mode == other.mode and set(one.filters) == set(other.filters)


def _scanning(now: Settings) -> Comparison:
    title, frequency = "scan on push", now.registry.frequency(now.name)
    if frequency is not None:
        said = f"by a rule of the registry ({frequency})"
        return Comparison(title, said, said)
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
    """Return the command that has the registry scan a repository, too."""
    rules = [dict(each) for each in now.registry.rules]
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
    if own is None:
        return _put_policy("none", wishes.lifecycle)
    try:
        read = parse(own)
    except DocumentError as error:
        said = "one of your own"
        return Comparison(title, said, said, advice=f"It is not looked at, and stays: {error}")
    shown = json.dumps(json.loads(own), indent=2)
    if can_expire_untagged(read) and can_expire_old(read, wishes.keep):
        said = "one that expires untagged and old images"
        return Comparison(title, said, said)
    text = completed(read, wishes.keep)
    if text is not None:
        return _put_policy(shown, text)
    return Comparison(
        title,
        shown,
        f"one that expires untagged images, and all but the newest {wishes.keep}",
        advice="A rule of it archives what would have to expire; change it by hand",
    )


def _put_policy(now: str, text: str) -> Comparison:
    change = Change("put_lifecycle_policy", {"lifecyclePolicyText": text})
    return Comparison("lifecycle policy", now, text, change)


def _encryption(now: Settings, wishes: Wishes) -> Comparison:
    title, said = "encryption", f"{now.encryption} {now.key or ''}".rstrip()
    keyed = now.encryption.startswith(KMS)
    if wishes.kms is None or (keyed and wishes.kms in ("", now.key)):
        return Comparison(title, said, said)
    return Comparison(
        title,
        said,
        f"{KMS} {wishes.kms}".rstrip(),
        advice="The encryption of a repository is fixed when it is made. Make another one "
        "(`repository template NEW --kms`), copy the images that are still in use, have everybody "
        "use it, and delete this one",
    )


def _covered(pattern: str, by: Sequence[str]) -> bool:
    """Tell whether every tag of a pattern is one of others: a * of it takes a * to match."""
    return any(fnmatchcase(pattern, each) for each in by)
