"""Definitions of a repository for CloudFormation and Terraform. Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from textwrap import indent
from typing import Any, Final

from cli.repository.settings import Wishes
from lib.checks.completion import UNTAGGED_DAYS

_LONGEST_ID: Final = 255
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/resources-section-structure.html"""
_LONGEST_STACK: Final = 128
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html"""
_SUFFIX: Final = "Repository"
_PROVIDER: Final = "6.8.0"
"""The first with exclusion filters:
https://github.com/hashicorp/terraform-provider-aws/pull/43642"""

_SCANS: Final = "Where the registry has enhanced scanning, its rules decide instead."
_FIXED: Final = "Cannot be changed later."
_STAYS: Final = "Its images would go with it: Terraform refuses to destroy it."


def cloudformation(name: str, wishes: Wishes, *, region: str | None = None) -> str:
    """Return a template in YAML."""
    logical_id = logical_id_of(name)
    place = f" --region {region}" if region else ""
    return f"""\
# aws cloudformation deploy{place} --stack-name {stack_name_of(name)} --template-file THIS_FILE
AWSTemplateFormatVersion: "2010-09-09"
Description: The repository {name}
Resources:
  {logical_id}:
    Type: AWS::ECR::Repository
    # The repository and its images stay when the stack goes.
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      RepositoryName: {_text(name)}
      # {_tags(wishes)}
      ImageTagMutability: {wishes.mutability.mode}
{indent(_filters_in_yaml(wishes), " " * 6)}\
      # {_SCANS}
      ImageScanningConfiguration:
        ScanOnPush: true
      # {_FIXED}
      EncryptionConfiguration:
{indent(_encryption_in_yaml(wishes), " " * 8)}\
{indent(_expires(wishes), " " * 6)}\
      LifecyclePolicy:
        LifecyclePolicyText: |
{indent(wishes.lifecycle, " " * 10)}
Outputs:
  RepositoryUri:
    Value: !GetAtt {logical_id}.RepositoryUri
"""


def logical_id_of(name: str) -> str:
    """Return "PaymentsApiRepository" for "payments/api"."""
    words = re.split(r"[^a-z0-9]+", name)
    joined = "".join(word.capitalize() for word in words)
    return joined[: _LONGEST_ID - len(_SUFFIX)] + _SUFFIX


def stack_name_of(name: str) -> str:
    """Return "ecr-payments-api" for "payments/api"."""
    return re.sub(r"[^a-z0-9]+", "-", f"ecr-{name}")[:_LONGEST_STACK].rstrip("-")


def _filters_in_yaml(wishes: Wishes) -> str:
    if not wishes.allow:
        return ""
    rows = (
        "  - ImageTagMutabilityExclusionFilterType: WILDCARD\n"
        f"    ImageTagMutabilityExclusionFilterValue: {_text(glob)}\n"
        for glob in wishes.allow
    )
    return "ImageTagMutabilityExclusionFilters:\n" + "".join(rows)


def _encryption_in_yaml(wishes: Wishes) -> str:
    key = f"KmsKey: {_text(wishes.kms)}\n" if wishes.kms else ""
    return f"EncryptionType: {wishes.encryption}\n{key}"


# --- Terraform ----------------------------------------------------------------------------------


def terraform(name: str, wishes: Wishes, *, region: str | None = None) -> str:
    """Return resources in HCL, laid out as `terraform fmt` does."""
    label = label_of(name)
    return "".join(
        (
            f"# Needs hashicorp/aws {_PROVIDER} or later.\n" if wishes.allow else "",
            f"# The provider's region has to be {region}.\n" if region else "",
            f'resource "aws_ecr_repository" "{label}" {{\n',
            indent("\n".join(_repository(name, wishes)), "  "),
            "}\n\n",
            _expires(wishes),
            f'resource "aws_ecr_lifecycle_policy" "{label}" {{\n',
            f"  repository = aws_ecr_repository.{label}.name\n\n",
            f"  policy = jsonencode({indent(_hcl(json.loads(wishes.lifecycle)), '  ').lstrip()})\n",
            "}\n",
        )
    )


def label_of(name: str) -> str:
    """Return "payments_api" for "payments/api"; a label begins with a letter."""
    label = re.sub(r"[^a-z0-9]+", "_", name)
    return label if label[0].isalpha() else f"repository_{label}"


def _repository(name: str, wishes: Wishes) -> Iterator[str]:
    """Yield the blocks of a repository."""
    settings = {"name": name, "image_tag_mutability": wishes.mutability.mode}
    yield _comment(_tags(wishes)) + _attributes(settings)
    for glob in wishes.allow:
        filters = {"filter": glob, "filter_type": "WILDCARD"}
        yield _block("image_tag_mutability_exclusion_filter", filters)
    yield _comment(_SCANS) + _block("image_scanning_configuration", {"scan_on_push": True})
    encryption = {"encryption_type": wishes.encryption}
    if wishes.kms:
        encryption["kms_key"] = wishes.kms
    yield _comment(_FIXED) + _block("encryption_configuration", encryption)
    yield _comment(_STAYS) + _block("lifecycle", {"prevent_destroy": True})


def _block(name: str, attributes: Mapping[str, Any]) -> str:
    return f"{name} {{\n{indent(_attributes(attributes), '  ')}}}\n"


def _attributes(attributes: Mapping[str, Any]) -> str:
    """Format attributes; equals signs of neighbouring one-line attributes are aligned."""
    flat = [name for name, value in attributes.items() if not isinstance(value, (dict, list))]
    width = max(map(len, flat), default=0)
    return "".join(
        f"{name.ljust(width if name in flat else 0)} = {_hcl(value)}\n"
        for name, value in attributes.items()
    )


def _hcl(value: Any) -> str:
    match value:
        case dict():
            return f"{{\n{indent(_attributes(value), '  ')}}}"
        case list():
            items = ",\n".join(_hcl(item) for item in value)
            return f"[\n{indent(items, '  ')}\n]"
        case _:
            return _text(value)


# --- common to both -----------------------------------------------------------------------------


def _tags(wishes: Wishes) -> str:
    but = f", except for {', '.join(wishes.allow)}" if wishes.allow else ""
    return f"A tag means the same image for ever{but}."


def _expires(wishes: Wishes) -> str:
    return _comment(
        f"Images without a tag go after {UNTAGGED_DAYS} days, and all but the newest {wishes.keep}."
        "\nThose without a tag count, too: an index for two platforms is three images."
    )


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in text.splitlines())


def _text(value: Any) -> str:
    """Return a value as JSON, which YAML and HCL both read: nothing in it is a template."""
    return json.dumps(value)
