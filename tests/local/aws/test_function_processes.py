"""Environments of functions in the embedded AWS are forks, and no function can tell."""

import io
import json
import os
import signal
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest

from local.aws.function_processes import LIBRARIES, OWN, sets_early
from local.aws.process import ROOT, EmbeddedAws

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")

SOURCE = """
import os, random, sys
LOADED = sorted(set(sys.modules) & {"boto3", "words"})
COLOUR = os.environ.get("COLOUR")
from botocore.session import Session
import requests, words
CALLS = []
def handler(event, context):
    CALLS.append(event)
    if event.get("exit"):
        os._exit(1)
    return {
        "parent": os.getppid(), "process": os.getpid(), "calls": len(CALLS), "loaded": LOADED,
        "colour": COLOUR, "random": random.random(), "requests": requests.OWN,
        "variables": sorted(os.environ), "arguments": len(sys.argv), "path": sys.path,
        "loaders": len({id(Session().get_component("data_loader")) for _ in range(2)}),
    }
"""
FILES = {"index.py": SOURCE, "words.py": "", "requests.py": "OWN = 'of the zip'\n"}


class Function:
    """A new function; functions of one test have the same zip."""

    def __init__(self, aws: EmbeddedAws, code: bytes, **variables: str) -> None:
        self._functions, self._name = aws.client("lambda"), f"forks-{uuid.uuid4().hex[:8]}"
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}
        document = {"Version": "2012-10-17", "Statement": [{**trust, "Action": "sts:AssumeRole"}]}
        role = aws.client("iam").create_role(
            RoleName=self._name, AssumeRolePolicyDocument=json.dumps(document)
        )
        self._functions.create_function(
            FunctionName=self._name,
            Runtime="python3.13",
            Handler="index.handler",
            Role=role["Role"]["Arn"],
            Code={"ZipFile": code},
            Environment={"Variables": variables},
        )

    def answer(self, event: Mapping[str, Any] | None = None) -> Any:
        """Return what it answers."""
        call = self._functions.invoke(FunctionName=self._name, Payload=json.dumps(event or {}))
        return json.loads(call["Payload"].read())


@pytest.fixture
def code() -> bytes:
    """Return a zip that no other test has."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in FILES.items():
            archive.writestr(name, text)
        archive.writestr("unique", uuid.uuid4().hex)
    return content.getvalue()


def test_functions_of_a_zip_have_the_parent_alone_in_common(
    embedded_aws: EmbeddedAws, code: bytes
) -> None:
    """Each has variables, modules and random numbers of its own."""
    red, blue = Function(embedded_aws, code, COLOUR="red"), Function(embedded_aws, code, HUE="1")
    first, again, other = red.answer(), red.answer(), blue.answer()

    assert first["parent"] == other["parent"]
    assert first["process"] == again["process"] != other["process"]
    assert [found["calls"] for found in (first, again, other)] == [1, 2, 1]
    assert [first["colour"], other["colour"]] == ["red", None]
    assert set(first["variables"]) - set(other["variables"]) == {"COLOUR"}
    assert first["random"] != other["random"]


def test_libraries_are_there_and_those_of_the_zip_come_first(
    embedded_aws: EmbeddedAws, code: bytes
) -> None:
    """No module of the function itself was imported, and this repository is not importable."""
    found = Function(embedded_aws, code).answer()

    assert found["loaded"] == ["boto3"]
    assert found["requests"] == "of the zip"
    assert found["arguments"] == 1
    assert found["loaders"] == 1
    assert not {os.getcwd(), ""} & set(found["path"])  # noqa: PTH109  # compared with texts


def test_what_is_imported_for_all_reads_no_environment() -> None:
    """Powertools does, and so would what makes the objects of a process."""
    names = ("aws_lambda_powertools", "handlers", "lib.bootstrap", "lib.observability")
    program = (
        "import importlib, sys\n"
        f"for name in {(*LIBRARIES, *OWN)}: importlib.import_module(name)\n"
        f"print(*sorted(set(sys.modules) & {set(names)}))"
    )

    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert answer.stdout.split() == []


def test_a_process_that_ended_is_followed_by_another(
    embedded_aws: EmbeddedAws, code: bytes
) -> None:
    """Its end is noticed, and it is not a zombie for long."""
    function = Function(embedded_aws, code)
    before = function.answer()
    ended = function.answer({"exit": True})
    after = function.answer()

    assert "errorMessage" in ended
    assert after["process"] != before["process"]
    assert after["parent"] == before["parent"]
    with pytest.raises(ProcessLookupError):
        os.kill(before["process"], 0)


def test_a_template_that_ended_is_followed_by_another(
    embedded_aws: EmbeddedAws, code: bytes
) -> None:
    """The call that finds it missing fails, and no later one."""
    first = Function(embedded_aws, code).answer()
    os.kill(first["parent"], signal.SIGKILL)
    function = Function(embedded_aws, code)
    failed, second = function.answer(), function.answer()

    assert "errorMessage" in failed
    assert second["parent"] != first["parent"]


def test_a_variable_that_python_reads_at_its_start_has_an_effect(
    embedded_aws: EmbeddedAws, code: bytes
) -> None:
    """Such a function is no fork."""
    forked = Function(embedded_aws, code).answer()
    started = Function(embedded_aws, code, PYTHONHASHSEED="1").answer()

    assert started["parent"] != forked["parent"]
    assert "PYTHONHASHSEED" in started["variables"]


@pytest.mark.parametrize(
    ("variables", "early"),
    [({"STAGE": "prod"}, False), ({"PYTHONHASHSEED": "1"}, True), ({"TZ": "Asia/Tokyo"}, True)],
    ids=["own", "python", "zone"],
)
def test_variables_that_are_read_early(variables: Mapping[str, str], *, early: bool) -> None:
    """What this process has, too, is no reason for a process of its own."""
    assert sets_early(variables) is early
    assert not sets_early({name: os.environ[name] for name in ("HOME",) if name in os.environ})
