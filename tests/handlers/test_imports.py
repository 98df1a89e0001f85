"""A function imports what it uses: every module more is paid for at each cold start."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.calls import handlers

ROOT = Path(__file__).parents[2]
NEVER = {"ruamel", "rich", "cli", "boto3.dynamodb.conditions", "aws_xray_sdk"}
UNUSED = {
    "process_scan": NEVER | {"requests", "lib.http_client", "lib.notifiers.slack.webhook"},
    "deliver": NEVER | {"jsonschema", "lib.normalizer.readers.ecr"},
    "audit_repositories": NEVER | {"jsonschema", "requests", "lib.notifiers.slack.webhook"},
    "reconcile": NEVER | {"jsonschema", "requests", "lib.notifiers.slack.webhook"},
    "open_report": NEVER
    | {"jsonschema", "requests", "lib.notifiers.slack.webhook", "lib.normalizer.readers.ecr"},
    "send_digest": NEVER
    | {"jsonschema", "requests", "lib.notifiers.slack.webhook", "lib.normalizer.readers.ecr"},
    "sweep": NEVER
    | {"jsonschema", "requests", "lib.notifiers.slack.webhook", "lib.normalizer.readers.ecr"},
}


@pytest.mark.parametrize("handler", handlers(ROOT))
def test_a_handler_imports_nothing_it_does_not_use(handler: str) -> None:
    """Loaded in a process of its own, none of the others' modules is there."""
    code = f"import json, sys, handlers.{handler}; print(json.dumps(list(sys.modules)))"

    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)

    assert UNUSED[handler] & set(json.loads(answer.stdout)) == set()
