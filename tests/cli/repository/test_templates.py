"""The definitions of a repository: kept as files, valid, and deployed to the embedded AWS."""

import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cli.repository.settings import Mutability, Wishes
from cli.repository.templates import (
    cloudformation,
    label_of,
    logical_id_of,
    stack_name_of,
    terraform,
)
from lib.checks.completion import policy
from lib.checks.expectations import Expectations, MutableTags
from lib.checks.settings import check
from lib.sources.repositories import EcrRepositories
from tests.support.builders import an_image

GOLDEN = Path(__file__).parent / "golden"
KEY = "arn:aws:kms:eu-central-1:000474600478:key/made-up"
PLAIN = Wishes(20)
FULL = Wishes(5, ("latest", "dev-*"), KEY)
DEFINITIONS = {
    "plain.yml": cloudformation("payments/api", PLAIN),
    "full.yml": cloudformation("payments/api", FULL, region="eu-central-1"),
    "aws_key.yml": cloudformation("payments/api", Wishes(20, kms="")),
    "plain.tf": terraform("payments/api", PLAIN),
    "full.tf": terraform("payments/api", FULL, region="eu-central-1"),
    "aws_key.tf": terraform("payments/api", Wishes(20, kms="")),
}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_definitions_are_as_they_were(name: str) -> None:
    """UPDATE_GOLDEN=1 keeps them after a wanted change."""
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(DEFINITIONS[name], encoding="utf-8")

    assert path.read_text(encoding="utf-8") == DEFINITIONS[name]


@pytest.mark.parametrize(
    ("name", "logical_id", "stack", "label"),
    [
        ("payments/api", "PaymentsApiRepository", "ecr-payments-api", "payments_api"),
        ("0/a.b_c__d--e", "0ABCDERepository", "ecr-0-a-b-c-d-e", "repository_0_a_b_c_d_e"),
        ("a" * 256, "A" + "a" * 244 + "Repository", "ecr-" + "a" * 124, "a" * 256),
    ],
)
def test_names_come_from_the_name_of_the_repository(
    name: str, logical_id: str, stack: str, label: str
) -> None:
    """In the letters and the length that each takes."""
    assert (logical_id_of(name), stack_name_of(name), label_of(name)) == (logical_id, stack, label)


# --- CloudFormation -----------------------------------------------------------------------------


@pytest.mark.slow
def test_cfn_lint_finds_nothing(tmp_path: Path) -> None:
    """Types, lengths, patterns and combinations, also for names that YAML takes for numbers."""
    texts = [
        *(text for name, text in DEFINITIONS.items() if name.endswith(".yml")),
        cloudformation("1e3", PLAIN),
        cloudformation("a" * 256, PLAIN),
    ]
    files = [tmp_path / f"{place}.yml" for place in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)

    lint = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), *files],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (lint.returncode, lint.stdout) == (0, "")


@pytest.mark.parametrize("name", ["1e3", "null", "on", "0x1f", "12/34"])
def test_a_name_stays_text(name: str) -> None:
    """Whatever YAML makes of it."""
    template = YAML(typ="safe").load(cloudformation(name, PLAIN).replace("!GetAtt ", ""))
    (repository,) = template["Resources"].values()

    assert repository["Properties"]["RepositoryName"] == name


@pytest.mark.parametrize(
    "wishes", [PLAIN, FULL, Wishes(1, kms=""), Wishes(3, ("latest",))], ids=str
)
def test_what_is_deployed_is_what_was_asked_for(boto: Callable[[str], Any], wishes: Wishes) -> None:
    """Every setting, and its address as an output; and the checks find nothing wrong with it."""
    unique = uuid.uuid4().hex[:8]
    name, cfn, ecr = f"copied/{unique}", boto("cloudformation"), boto("ecr")

    stack = stack_name_of(name)
    cfn.create_stack(StackName=stack, TemplateBody=cloudformation(name, wishes))
    cfn.get_waiter("stack_create_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )

    (repository,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    (outputs,) = (each["Outputs"] for each in cfn.describe_stacks(StackName=stack)["Stacks"])
    filters = repository.get("imageTagMutabilityExclusionFilters", [])
    assert repository["imageTagMutability"] == Mutability.but(wishes.allow).mode
    assert [each["filter"] for each in filters] == list(wishes.allow)
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    assert repository["encryptionConfiguration"] == (
        {"encryptionType": "AES256"}
        if wishes.kms is None
        else {"encryptionType": "KMS", **({"kmsKey": KEY} if wishes.kms else {})}
    )
    found = ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"]
    assert json.loads(found) == json.loads(policy(wishes.keep))
    assert [each["OutputValue"] for each in outputs] == [repository["repositoryUri"]]
    expected = Expectations(
        wishes.keep, (MutableTags(wishes.allow),), encryption=None if wishes.kms is None else "KMS"
    )
    itself = an_image(repository=name, digest="", tags=())
    assert check(EcrRepositories(ecr).settings(itself), expected, now=datetime.now(UTC)) == ()


# --- Terraform ----------------------------------------------------------------------------------


@pytest.mark.parametrize("wishes", [PLAIN, FULL], ids=str)
def test_the_policy_in_terraform_is_the_same(wishes: Wishes) -> None:
    """HCL that is read as the expression it is: names without quotes, = for :, no commas."""
    text = terraform("payments/api", wishes)
    (expression,) = re.findall(r"^  policy = jsonencode\((.*?)\)$", text, re.MULTILINE | re.DOTALL)

    quoted = re.sub(r"^( *)(\w+) *= ", r'\1"\2": ', expression, flags=re.MULTILINE)
    with_commas = re.sub(r'(?<=[\w"}\]])\n(?= *")', ",\n", quoted)

    assert json.loads(with_commas) == json.loads(policy(wishes.keep))


@pytest.mark.parametrize("wishes", [PLAIN, FULL, Wishes(20, kms="")], ids=str)
def test_terraform_is_well_formed(wishes: Wishes) -> None:
    """Only lines of a known kind, every bracket closed, and signs below each other."""
    text = terraform("payments/api", wishes)
    line = re.compile(
        r"""(?:\ {2})*(?:
            \#\ .* | [a-z_]+(?:\ "[a-z_]+"){0,2}\ \{ | \w+\ +=\ (?:true|\d+|"[^"$%\\]*"|[\[{])
            | repository\ =\ aws_ecr_repository\.payments_api\.name | policy\ =\ jsonencode\(\{
            | [{}\]] | \}, | \}\)
        )?""",
        re.VERBOSE,
    )

    assert [each for each in text.splitlines() if line.fullmatch(each) is None] == []
    assert all(text.count(one) == text.count(other) for one, other in ("{}", "[]", "()"))
    for block in re.findall(r"(?:^ *\w+ +=\ [^\[{\n]+\n)+", text, re.MULTILINE):
        assert len({each.index(" = ") for each in block.splitlines()}) == 1
