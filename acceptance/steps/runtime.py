"""Reads the version of the runtime's boto3. This checkout is tested with its own version."""

import io
import json
import re
import zipfile
from typing import Any, Final

from botocore.exceptions import ClientError

from acceptance.account import code_of
from acceptance.outcome import Outcome, StepError, failed, judged
from acceptance.settings import TAG
from acceptance.step import Step
from acceptance.world import World

OLDEST: Final = "1.40.4"
"""The oldest tested version of boto3."""
_CODE: Final = """\
import boto3
import sys


def handler(event, context):
    return {"boto3": boto3.__version__, "python": sys.version.split()[0]}
"""


def _run(world: World) -> Outcome:
    functions = world.client_of("lambda")
    deployed = functions.get_function_configuration(
        FunctionName=world.facts.outputs["SweepFunctionName"]
    )
    functions.create_function(
        FunctionName=world.names.function,
        Runtime=deployed["Runtime"],
        Architectures=deployed["Architectures"],
        Role=deployed["Role"],
        Handler="index.handler",
        Timeout=30,
        Code={"ZipFile": _zip(_CODE)},
        Tags={TAG: world.names.stage},
    )
    answer = world.poll.until(lambda: _invoke(functions, world.names.function), world.waits.runtime)
    if answer is None:
        raise StepError("the function did not become active")
    return judge(answer, f"{deployed['Runtime']} on {deployed['Architectures'][0]}")


def judge(answer: dict[str, str], runtime: str) -> Outcome:
    """Judge the answer of the function. Pure."""
    if "boto3" not in answer:
        return failed(f"{runtime}: {json.dumps(answer)[:200]}")
    return judged(
        f"{runtime}: boto3 {answer['boto3']}, Python {answer['python']}",
        right=_number(answer["boto3"]) >= _number(OLDEST),
    )


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _invoke(functions: Any, name: str) -> dict[str, str] | None:
    try:
        answer = functions.invoke(FunctionName=name)
    except ClientError as error:
        # Pending: the function was created a moment ago.
        if code_of(error) == "ResourceConflictException":
            return None
        raise
    document: dict[str, str] = json.loads(answer["Payload"].read())
    return document


def _zip(code: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", code)
    return buffer.getvalue()


STEP = Step(
    10,
    "runtime",
    f"the runtime has boto3 {OLDEST} or newer",
    _run,
    needs=(1,),
)
