"""A function imports what it uses: every module more is paid for at each cold start."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.calls import handlers

ROOT = Path(__file__).parents[2]
NEVER = {"ruamel", "rich", "cli", "boto3.dynamodb.conditions", "aws_xray_sdk", "asyncio"}
FETCHING = {"lib.flows.images", "lib.normalizer.ecr_basic"}
SENDING = {"requests", "lib.http_client", "lib.notifiers.slack.webhook", "lib.flows.notifying"}
OTHERS = {"lib.flows.syncs", "lib.flows.passes", "jsonschema"}
UNUSED = {
    "process_scan": {"jsonschema", "lib.flows.passes"} | SENDING,
    "gather_findings": OTHERS | SENDING | {"lib.flows.images"},
    "sync_streams": {"jsonschema", "lib.flows.passes"} | SENDING | FETCHING,
    "deliver": {"jsonschema", "lib.flows.passes", "lib.flows.syncs"} | FETCHING,
    "reconcile": {"jsonschema"} | SENDING,
    "sweep": OTHERS | SENDING | FETCHING,
    "audit_repositories": OTHERS | SENDING | FETCHING,
    "open_report": OTHERS | SENDING | FETCHING,
    "send_digest": OTHERS | SENDING | FETCHING,
}


def test_the_modules_named_here_exist() -> None:
    """A module that was renamed would be unused for ever."""
    names = {name for unused in UNUSED.values() for name in unused if name.startswith("lib.")}

    assert [name for name in sorted(names) if find_spec(name) is None] == []


@pytest.mark.slow
@pytest.mark.parametrize("handler", handlers(ROOT))
def test_a_handler_imports_nothing_it_does_not_use(handler: str) -> None:
    """
    Loaded in a process of its own, none of the others' modules is there. boto3 is: code runs
    faster while a function starts than in its first call.
    """
    code = f"import json, sys, handlers.{handler}; print(json.dumps(list(sys.modules)))"

    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)

    modules = set(json.loads(answer.stdout))
    assert (NEVER | UNUSED[handler]) & modules == set()
    assert "boto3" in modules
