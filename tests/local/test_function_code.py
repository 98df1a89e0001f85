"""Workers of functions in the embedded AWS share unpacked code, and the bytecode beside it."""

import io
import json
import uuid
import zipfile
from typing import Any

import pytest

from local.aws.process import EmbeddedAws

SOURCE = """
import os
import words
def handler(event, context):
    return {
        "root": os.path.realpath(os.environ["LAMBDA_TASK_ROOT"]),
        "word": words.WORD,
        "compiled": os.path.exists(os.path.realpath(words.__cached__)),
    }
"""


def zipped(word: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("index.py", SOURCE)
        archive.writestr("words.py", f"WORD = {word!r}\n")
    return content.getvalue()


def answer(aws: EmbeddedAws, code: bytes) -> Any:
    """Return what a new function with this code says of where it runs."""
    functions, name = aws.client("lambda"), f"code-{uuid.uuid4().hex[:8]}"
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}
    document = {"Version": "2012-10-17", "Statement": [{**trust, "Action": "sts:AssumeRole"}]}
    role = aws.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps(document)
    )
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="index.handler",
        Role=role["Role"]["Arn"],
        Code={"ZipFile": code},
    )
    payload = functions.invoke(FunctionName=name)["Payload"].read()
    return json.loads(payload)


@pytest.fixture(scope="module")
def answers(embedded_aws: EmbeddedAws) -> list[Any]:
    """Return the answers of two functions with the same code, and of one with another."""
    one, two = zipped("one"), zipped("two")
    return [answer(embedded_aws, code) for code in (one, one, two)]


def test_the_same_zip_is_unpacked_once(answers: list[Any]) -> None:
    """Another zip has a folder of its own."""
    first, same, other = (found["root"] for found in answers)

    assert first == same != other
    assert [found["word"] for found in answers] == ["one", "one", "two"]


def test_a_module_is_compiled_once(answers: list[Any]) -> None:
    """Its bytecode is kept for the next worker."""
    assert all(found["compiled"] for found in answers)
