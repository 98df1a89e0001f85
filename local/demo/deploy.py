"""
Deploys the output of `make package` to the embedded AWS, with the code of `make deploy`.

The demo's template differs from the one that AWS gets by a few seconds, and by nothing else.
"""

import hashlib
import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from deploy.account import Account, DeployError
from deploy.archive import Archive
from deploy.changes import change_stack
from deploy.code_bucket import upload
from deploy.package import TEMPLATE, VALUES, ZIP, Package
from deploy.stack import find_stack, stack_name
from local.aws.process import EmbeddedAws

__all__ = ["DeployError", "Stack", "account_of", "deploy", "quickened"]

QUICK: Final = "quick-template.json"
POLL_SECONDS: Final = 0.05
_SECONDS: Final[Mapping[str, str]] = MappingProxyType(
    {"GATHER_SECONDS": "1", "CONFIG_SECONDS": "1", "CONFIG_SETTLED_SECONDS": "3"}
)
"""Variables of functions."""
_AT_ONCE: Final = "0"
"""The sweep asks for the configuration each time."""
_GATHERING: Final = "ChangedImagesQueue"
"""The queue that delays messages for as long as events are gathered."""
_HERE: Final[Mapping[str, str]] = MappingProxyType(
    {"DeletionProtection": "false", "ReceiverHosts": "127.0.0.1", "Workloads": "ecs"}
)
"""Values of parameters."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed stack and its outputs."""

    name: str
    outputs: Mapping[str, str]


def deploy(aws: EmbeddedAws, folder: Path, stage: str, *, quick: bool = False) -> Stack:
    """
    Create or update the stack of a stage from a folder of `make package`; return its outputs.

    `quick` deploys with the seconds and the values of the demo. Raises `DeployError`.
    """
    package = _package(folder, quick=quick)
    code = upload(aws.client, account_of(aws), stage, package)
    name = stack_name(stage)
    change_stack(
        aws.client,
        name,
        find_stack(aws.client, name),
        template_url=code.template_url,
        values={**package.values, **code.values},
        say=lambda _: None,
        poll=POLL_SECONDS,
    )
    stack = find_stack(aws.client, name)
    return Stack(name, stack.outputs if stack is not None else {})


def account_of(aws: EmbeddedAws) -> Account:
    """Return the account of the embedded AWS, as its root user sees it."""
    return Account(aws.account, f"arn:aws:iam::{aws.account}:root", aws.region)


def quickened(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return a template whose functions wait a second where they would wait for minutes."""
    quick = deepcopy(dict(template))
    for resource in quick["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            variables = resource["Properties"].get("Environment", {}).get("Variables", {})
            slow = {name for name, value in variables.items() if value != _AT_ONCE}
            variables.update({name: _SECONDS[name] for name in slow & _SECONDS.keys()})
    quick["Resources"][_GATHERING]["Properties"]["DelaySeconds"] = int(_SECONDS["GATHER_SECONDS"])
    return quick


def _package(folder: Path, *, quick: bool) -> Package:
    template, values = folder / TEMPLATE, json.loads((folder / VALUES).read_text("utf-8"))
    if quick:
        document = quickened(json.loads(template.read_text("utf-8")))
        template = folder / QUICK
        template.write_text(json.dumps(document), "utf-8")
        values |= _HERE
    content = (folder / ZIP).read_bytes()
    archive = Archive(folder / ZIP, 0, len(content), hashlib.sha256(content).hexdigest())
    return Package(archive, template, values)
