"""Findings about settings of a repository: their ids, their pages, and their remedies. Pure."""

from dataclasses import replace
from types import MappingProxyType
from typing import Final

from lib.checks.remedies import Remedy
from lib.models import Finding, Package, Severity

MANAGER: Final = "ECR"
"""The package manager of findings about settings."""
COMMAND: Final = "command"
CLOUDFORMATION: Final = "cloudformation"
REMARK: Final = "remark"
DIFFERENCE: Final = "difference"
GUIDED: Final = "guided"
GUIDED_REMARK: Final = "guided-remark"
"""
Keys of `Finding.extra`: the command, the CloudFormation lines, the warning before both, the rules
of a lifecycle policy before and after, and the command that fixes all settings, with its warning.
"""

TAG_MUTABILITY: Final = "ECR-TAG-MUTABILITY"
CACHE_IMMUTABLE: Final = "ECR-CACHE-IMMUTABLE"
SCAN_ON_PUSH: Final = "ECR-SCAN-ON-PUSH"
NOT_SCANNED: Final = "ECR-NOT-SCANNED"
LIFECYCLE_MISSING: Final = "ECR-LIFECYCLE-MISSING"
LIFECYCLE_INVALID: Final = "ECR-LIFECYCLE-INVALID"
LIFECYCLE_UNTAGGED: Final = "ECR-LIFECYCLE-UNTAGGED"
LIFECYCLE_OLD: Final = "ECR-LIFECYCLE-OLD"
LIFECYCLE_IDLE: Final = "ECR-LIFECYCLE-IDLE"
LIFECYCLE_RUNNING: Final = "ECR-LIFECYCLE-RUNNING"
TEMPLATE_ROLE: Final = "ECR-TEMPLATE-ROLE"
ENCRYPTION: Final = "ECR-ENCRYPTION"
NOT_CHECKED: Final = "ECR-NOT-CHECKED"
"""No setting: AWS denied an answer that checks need."""
LIFECYCLE: Final = (
    LIFECYCLE_MISSING,
    LIFECYCLE_INVALID,
    LIFECYCLE_UNTAGGED,
    LIFECYCLE_OLD,
    LIFECYCLE_IDLE,
    LIFECYCLE_RUNNING,
)

_DOCS: Final = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/"
_PAGES: Final = MappingProxyType(
    {
        TAG_MUTABILITY: "image-tag-mutability.html",
        CACHE_IMMUTABLE: "pull-through-cache.html",
        SCAN_ON_PUSH: "image-scanning-filters.html",
        NOT_SCANNED: "image-scanning.html",
        LIFECYCLE_MISSING: "LifecyclePolicies.html",
        LIFECYCLE_INVALID: "lifecycle_policy_parameters.html",
        LIFECYCLE_UNTAGGED: "lifecycle_policy_examples.html",
        LIFECYCLE_OLD: "lifecycle_policy_examples.html",
        LIFECYCLE_IDLE: "lifecycle_policy_parameters.html",
        LIFECYCLE_RUNNING: "LifecyclePolicies.html",
        TEMPLATE_ROLE: "repository-creation-templates-create.html",
        ENCRYPTION: "encryption-at-rest.html",
        NOT_CHECKED: "security_iam_id-based-policy-examples.html",
    }
)


def finding(
    identifier: str,
    severity: Severity,
    setting: str,
    value: str,
    *,
    title: str,
    risk: str,
    remedy: Remedy,
) -> Finding:
    """Return a deviation as a finding."""
    deviation = bare_finding(
        identifier, severity, setting, value, title=title, risk=risk, advice=remedy.text
    )
    return replace(
        deviation,
        fix_available="YES",
        extra=MappingProxyType(
            {
                COMMAND: remedy.command,
                CLOUDFORMATION: f"{remedy.resource}\n{remedy.properties}",
                **({REMARK: remedy.remark} if remedy.remark else {}),
                **({DIFFERENCE: "\n".join(remedy.difference)} if remedy.difference else {}),
                **(
                    {GUIDED: remedy.guided, GUIDED_REMARK: remedy.guided_remark}
                    if remedy.guided
                    else {}
                ),
            }
        ),
    )


def bare_finding(
    identifier: str,
    severity: Severity,
    setting: str,
    value: str,
    *,
    title: str,
    risk: str,
    advice: str,
) -> Finding:
    """Return a deviation without a command: `advice` says what to do."""
    return Finding(
        vulnerability_id=identifier,
        package=Package(setting, value, MANAGER),
        severity=severity,
        title=title,
        description=risk,
        remediation=advice,
        links=(_DOCS + _PAGES[identifier],),
        extra=MappingProxyType({REMARK: advice}),
    )
