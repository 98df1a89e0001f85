"""Remedies of settings: the AWS CLI command and the CloudFormation lines. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from shlex import quote
from typing import Any, Final

from lib.checks.caches import build_cache_tags
from lib.checks.completion import KEEP
from lib.checks.expectations import Expectations
from lib.checks.policies import matches
from lib.models import NameFilter, RepositorySettings, ScanningRule
from lib.models.repositories import ROOT

BEFORE: Final = "Before you run it:"
"""How a warning begins about a command that can delete or break something."""
EXCEPT: Final = "_WITH_EXCLUSION"
_RESOURCE: Final = "AWS::ECR::Repository"
_TEMPLATE: Final = "AWS::ECR::RepositoryCreationTemplate"
_REGISTRY: Final = "AWS::ECR::RegistryScanningConfiguration"
_EXCLUSION: Final = re.compile(r"[0-9a-zA-Z._*-]{1,128}")
"""https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageTagMutabilityExclusionFilter.html"""
_WILDCARDS: Final = 2
"""https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html"""
_EXCLUSIONS: Final = 5
"""https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImageTagMutability.html"""


@dataclass(frozen=True, slots=True)
class Remedy:
    """A command to run, and the properties for a CloudFormation template."""

    command: str
    resource: str
    """The type of the CloudFormation resource that the properties belong to."""
    properties: str
    remark: str = ""
    """A warning to read before running the command."""
    difference: tuple[str, ...] = ()
    """The rules of a lifecycle policy, marked as in a diff."""
    guided: str = ""
    """The command that fixes all settings, shows each change and asks; empty where none does."""
    guided_remark: str = ""
    """The warning to read before that."""

    @property
    def text(self) -> str:
        """Remark, difference, command and properties as one text."""
        head = "\n".join(filter(None, (self.remark, *self.difference, self.command)))
        return f"{head}\n\nCloudFormation ({self.resource}):\n{self.properties}"


def immutable_tags(settings: RepositorySettings, allow_mutable: Sequence[str]) -> Remedy:
    """Return the remedy for mutable tags; tags that may move become exclusions, or nothing does."""
    allowed = _widest(allow_mutable)
    if len(allowed) > _EXCLUSIONS or not all(map(_is_exclusion, allowed)):
        return _by_fewer_patterns(settings, allowed)
    mode = f"IMMUTABLE{EXCEPT}" if allowed else "IMMUTABLE"
    arguments = f"--image-tag-mutability {mode}"
    lines = [f"ImageTagMutability: {mode}"]
    if allowed:
        filter_texts = " ".join(quote(f"filterType=WILDCARD,filter={glob}") for glob in allowed)
        arguments += f" --image-tag-mutability-exclusion-filters {filter_texts}"
        lines.append("ImageTagMutabilityExclusionFilters:")
        for glob in allowed:
            lines.append("  - ImageTagMutabilityExclusionFilterType: WILDCARD")
            lines.append(f"    ImageTagMutabilityExclusionFilterValue: {_yaml(glob)}")
    command = _change("put-image-tag-mutability", settings, arguments)
    return Remedy(command, _resource(settings), "\n".join(lines), _same_tag(allowed))


def _same_tag(allowed: Sequence[str]) -> str:
    """Return whose pushes fail once tags are immutable, and how to exclude tags that move."""
    if allowed:
        return f"{BEFORE} pushing an existing tag again will fail,{unless(allowed)}."
    return (
        f"{BEFORE} it locks every tag, and pushing an existing tag again will fail. If you push "
        "tags again (latest, production), list them under allow_mutable in alerts.yml, and run it "
        f"with --image-tag-mutability IMMUTABLE{EXCEPT} --image-tag-mutability-exclusion-filters "
        "filterType=WILDCARD,filter=TAG."
    )


def unless(allowed: Sequence[str]) -> str:
    """Return " unless it matches latest", the tags that may move; empty for none."""
    return f" unless it matches {' or '.join(_widest(allowed))}" if allowed else ""


def mutable_tags(settings: RepositorySettings) -> Remedy:
    """Return the remedy for immutable tags of a pull-through cache."""
    command = _change("put-image-tag-mutability", settings, "--image-tag-mutability MUTABLE")
    return Remedy(command, _resource(settings), "ImageTagMutability: MUTABLE")


def _widest(globs: Sequence[str]) -> list[str]:
    """Return the globs without those that another one of them covers."""
    once = list(dict.fromkeys(globs))
    return [
        glob for glob in once if not any(other != glob and matches(other, glob) for other in once)
    ]


def _is_exclusion(glob: str) -> bool:
    return _EXCLUSION.fullmatch(glob) is not None and glob.count("*") <= _WILDCARDS


def _by_fewer_patterns(settings: RepositorySettings, allowed: Sequence[str]) -> Remedy:
    """Return what to do where ECR cannot exclude all tags that may move: none is to break."""
    lines = ["ImageTagMutability: IMMUTABLE_WITH_EXCLUSION", "ImageTagMutabilityExclusionFilters:"]
    listing = _command("list-images", settings, "--query 'imageIds[].imageTag' --output text")
    return Remedy(
        listing if settings.template is None else _template_by_hand(settings)[0],
        _resource(settings),
        "\n".join((*lines, f"  # at most {_EXCLUSIONS} patterns of the tags that may move")),
        f"ECR excludes {_EXCLUSIONS} patterns of letters, digits and . _ - with {_WILDCARDS} * at "
        f"most, and these may move: {', '.join(allowed)}. Put them into fewer patterns first:",
    )


def scan_on_push(settings: RepositorySettings) -> Remedy:
    """Return the remedy for missing scan on push: by registry rules where the registry has some."""
    unruled = settings.scan_type == "BASIC" and not settings.scan_rules
    if unruled and settings.template is None:
        return Remedy(
            _command(
                "put-image-scanning-configuration",
                settings,
                "--image-scanning-configuration scanOnPush=true",
            ),
            _RESOURCE,
            "ImageScanningConfiguration:\n  ScanOnPush: true",
        )
    # With the first rule, no repository's own setting counts any more.
    added = "*" if unruled else _scanned_name(settings)
    rules = _with_rule(settings.scan_rules, NameFilter(added))
    document = json.dumps([_rule(rule_) for rule_ in rules], separators=(",", ":"))
    image = settings.image
    command = (
        f"aws ecr put-registry-scanning-configuration --region {quote(image.region)} "
        f"--scan-type {settings.scan_type} --rules {quote(document)}"
    )
    lines = [f"ScanType: {settings.scan_type}", "Rules:"]
    for rule in rules:
        lines.append(f"  - ScanFrequency: {rule.frequency}")
        lines.append("    RepositoryFilters:")
        lines += [
            f"      - {{ Filter: {_yaml(filter_.filter)}, FilterType: {filter_.type} }}"
            for filter_ in rule.filters
        ]
    remark = "The rules of the registry as they are now, and one more for this repository:"
    if unruled:
        remark = "A template has no setting for scans. With this rule the registry scans all:"
    return Remedy(command, _REGISTRY, "\n".join(lines), remark)


def _scanned_name(settings: RepositorySettings) -> str:
    """Return the filter of a repository, or of those that a template creates."""
    template = settings.template
    if template is None:
        return settings.image.repository
    return "*" if template.prefix == ROOT else f"{template.name}*"


def _with_rule(rules: Sequence[ScanningRule], added: NameFilter) -> list[ScanningRule]:
    on_push = [rule for rule in rules if rule.frequency == "SCAN_ON_PUSH"]
    filters = tuple(
        dict.fromkeys([*(filter_ for rule in on_push for filter_ in rule.filters), added])
    )
    others = [rule for rule in rules if rule.frequency == "CONTINUOUS_SCAN"]
    return [*others, ScanningRule("SCAN_ON_PUSH", filters)]


def _rule(rule: ScanningRule) -> dict[str, Any]:
    return {
        "scanFrequency": rule.frequency,
        "repositoryFilters": [
            {"filter": filter_.filter, "filterType": filter_.type} for filter_ in rule.filters
        ],
    }


def lifecycle(
    settings: RepositorySettings, text: str, *, remark: str, difference: Sequence[str]
) -> Remedy:
    """Return a lifecycle policy as a remedy, with the rules that it changes in words."""
    document = json.loads(text)
    compact = json.dumps(document, separators=(",", ":"))
    option = "--lifecycle-policy-text" if settings.template is None else "--lifecycle-policy"
    command = _change("put-lifecycle-policy", settings, f"{option} {quote(compact)}")
    lines = "\n".join(f"    {line}" for line in json.dumps(document, indent=2).splitlines())
    head = "LifecyclePolicy:\n  LifecyclePolicyText: |"
    properties = f"{head if settings.template is None else 'LifecyclePolicy: |'}\n{lines}"
    return Remedy(command, _resource(settings), properties, remark, tuple(difference))


def with_preview(remedy: Remedy, settings: RepositorySettings, keep: int) -> Remedy:
    """Return the remedy with a command before it that shows what the policy would delete."""
    if settings.template is not None:
        return remedy
    return replace(remedy, command=f"{_own('preview', settings, keep)}\n{remedy.command}")


def guided(
    remedy: Remedy, settings: RepositorySettings, expected: Expectations, warning: str = ""
) -> Remedy:
    """
    Return the remedy with the command that fixes all settings: it shows each change, and asks.

    `warning`: what to know before it is run, as a part of a sentence. Options in it stand in
    backticks.

    Unchanged where that command would change what alerts.yml allows, or could not exclude the tags
    that may move: it makes all tags immutable but those it gets, and those of build caches.
    """
    globs = expected.mutable_tags(settings.image.repository)
    allowed = _widest(globs)
    excluded = dict.fromkeys((*allowed, *build_cache_tags(settings.stored)))
    is_whole = len(excluded) <= _EXCLUSIONS and all(map(_is_exclusion, allowed))
    if settings.template is not None or not is_whole or not all(map(_is_narrow, allowed)):
        return remedy
    command = _fix_command(settings, expected)
    return replace(remedy, guided=command, guided_remark=warning)


def _fix_command(settings: RepositorySettings, expected: Expectations) -> str:
    allowed = _widest(expected.mutable_tags(settings.image.repository))
    command = _own("fix", settings, expected.keep)
    return f"{command} --allow {' '.join(map(quote, allowed))}" if allowed else command


def _is_narrow(glob: str) -> bool:
    return bool(glob.strip("*"))


def _own(action: str, settings: RepositorySettings, keep: int) -> str:
    """Return a command of this program about a repository."""
    image = settings.image
    number = f" --keep {keep}" if keep != KEEP else ""
    return (
        f"ecr-scan-alerts repository {action} {quote(image.repository)} "
        f"--region {quote(image.region)}{number}"
    )


def lifecycle_by_hand(settings: RepositorySettings, remark: str) -> Remedy:
    """Return the commands that fetch a policy, try it after a change, and put it back."""
    if settings.template is not None:
        commands = "\n".join(_template_by_hand(settings))
        return Remedy(commands, _TEMPLATE, "LifecyclePolicy: the content of policy.json", remark)
    image = settings.image
    region = quote(image.region)
    fetch = _command(
        "get-lifecycle-policy", settings, "--query lifecyclePolicyText --output text > policy.json"
    )
    trial = (
        f"ecr-scan-alerts repository preview {quote(image.repository)} --region {region} "
        "--policy policy.json"
    )
    put = _command("put-lifecycle-policy", settings, "--lifecycle-policy-text file://policy.json")
    properties = "LifecyclePolicy:\n  LifecyclePolicyText: the content of policy.json"
    return Remedy(f"{fetch}\n{trial}\n{put}", _RESOURCE, properties, remark)


def _template_by_hand(settings: RepositorySettings) -> tuple[str, str]:
    """Return the commands that fetch the policy of a template, and put it back."""
    query = "--query 'repositoryCreationTemplates[0].lifecyclePolicy' --output text > policy.json"
    return (
        _template_command("describe-repository-creation-templates --prefixes", settings, query),
        _change("", settings, "--lifecycle-policy file://policy.json"),
    )


def role(settings: RepositorySettings) -> Remedy:
    """Return the remedy for a template by which ECR may not create repositories."""
    arn = f"arn:{settings.image.partition}:iam::{settings.image.account}:role/ROLE"
    return Remedy(
        _change("", settings, f"--custom-role-arn {arn}"),
        _TEMPLATE,
        f"CustomRoleArn: {arn}",
        "Make a role that ecr.amazonaws.com may assume, with ecr:CreateRepository, ecr:TagResource "
        "and the use of the key, and name it in the place of ROLE:",
    )


def encryption(settings: RepositorySettings) -> Remedy:
    """Return the remedy for missing KMS encryption: a new repository, as it cannot be changed."""
    image = settings.image
    if settings.template is not None:
        return Remedy(
            _change("", settings, "--encryption-configuration encryptionType=KMS"),
            _TEMPLATE,
            "EncryptionConfiguration:\n  EncryptionType: KMS",
            "It holds for repositories that are created from now on:",
        )
    command = (
        f"aws ecr create-repository --region {quote(image.region)} "
        f"--registry-id {quote(image.account)} --repository-name {quote(f'{image.repository}-kms')}"
        " --encryption-configuration encryptionType=KMS"
    )
    return Remedy(
        command,
        _RESOURCE,
        "EncryptionConfiguration:\n  EncryptionType: KMS",
        "The encryption of a repository cannot be changed: make a new one and push there:",
    )


def start_scan(settings: RepositorySettings) -> Remedy:
    """Return the remedy for an old or missing scan of the newest image."""
    image = settings.newest or settings.image
    if settings.scan_type == "ENHANCED":
        criteria: Mapping[str, Any] = {
            "ecrRepositoryName": [{"comparison": "EQUALS", "value": image.repository}],
            "resourceType": [{"comparison": "EQUALS", "value": "AWS_ECR_CONTAINER_IMAGE"}],
        }
        command = (
            f"aws inspector2 list-coverage --region {quote(image.region)} "
            f"--filter-criteria {quote(json.dumps(criteria, separators=(',', ':')))}"
        )
        lines = "ScanType: ENHANCED\nRules:\n  - ScanFrequency: CONTINUOUS_SCAN\n"
        return Remedy(
            command,
            _REGISTRY,
            f"{lines}    RepositoryFilters:\n"
            f"      - {{ Filter: {_yaml(image.repository)}, FilterType: WILDCARD }}",
            "Ask Inspector why it does not scan it:",
        )
    command = _command(
        "start-image-scan", settings, f"--image-id imageDigest={quote(image.digest)}"
    )
    return Remedy(
        command,
        _RESOURCE,
        "ImageScanningConfiguration:\n  ScanOnPush: true",
        "Basic scanning looks at an image when it is pushed, or when asked (once in 24 h):",
    )


def _resource(settings: RepositorySettings) -> str:
    return _RESOURCE if settings.template is None else _TEMPLATE


def _change(action: str, settings: RepositorySettings, arguments: str) -> str:
    """Return the command that changes a repository, or the template of new ones."""
    if settings.template is None:
        return _command(action, settings, arguments)
    return _template_command("update-repository-creation-template --prefix", settings, arguments)


def _template_command(action: str, settings: RepositorySettings, arguments: str) -> str:
    prefix = "" if settings.template is None else settings.template.prefix
    return f"aws ecr {action} {quote(prefix)} --region {quote(settings.image.region)} {arguments}"


def _command(action: str, settings: RepositorySettings, arguments: str) -> str:
    image = settings.image
    return (
        f"aws ecr {action} --region {quote(image.region)} --registry-id {quote(image.account)} "
        f"--repository-name {quote(image.repository)} {arguments}"
    )


def _yaml(text: str) -> str:
    """Return a text as a YAML scalar, in quotes where YAML would read another type."""
    return json.dumps(text) if re.search(r"[*&!%@`]|^[0-9.+-]", text) else text
