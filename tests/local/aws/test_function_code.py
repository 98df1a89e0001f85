"""Workers of functions in the embedded AWS share unpacked code, and the bytecode beside it."""

import io
import json
import os
import subprocess
import sys
import uuid
import zipfile
from pathlib import Path
from typing import Any

import pytest

from local.aws.function_code import FEWEST, KEPT, add_bytecode
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


def unpacked(folder: Path, kept: Path, **modules: str) -> Path:
    """Unpack a zip of many modules as the embedded AWS does, and return where."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for number in range(FEWEST):
            archive.writestr(f"package/module_{number}.py", "")
        for name, text in modules.items():
            archive.writestr(f"{name}.py", text)
        archive.extractall(folder)
        add_bytecode(folder, archive.infolist(), kept=kept)
    return folder


def imported(code: Path, name: str) -> list[str]:
    """Import a module in a new process; return what it prints, and the path of its function."""
    program = f"import {name}; print({name}.__cached__); print({name}.f.__code__.co_filename)"
    answer = subprocess.run(
        # -S: nothing that is installed is looked for.
        [sys.executable, "-S", "-v", "-c", program],
        cwd=code,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"wrote '{code}" not in answer.stderr
    return answer.stdout.split()


def test_bytecode_is_kept_for_other_zips_with_the_same_modules(tmp_path: Path) -> None:
    """It is no work of the next one, which is elsewhere, and tracebacks name the right file."""
    kept = tmp_path / "kept"
    first = unpacked(tmp_path / "first", kept, word="f = lambda: 1")
    (folder,) = kept.iterdir()
    before = folder.stat().st_mtime_ns

    second = unpacked(tmp_path / "second", kept, word="f = lambda: 1")

    for code in (first, second):
        cached, source = imported(code, "word")
        assert cached == str(code / "__pycache__" / Path(cached).name)
        assert Path(cached).exists()
        assert source == str(code / "word.py")
    assert len(list((second / "package" / "__pycache__").iterdir())) == FEWEST
    assert [(path, path.stat().st_mtime_ns) for path in kept.iterdir()] == [(folder, before)]


def test_a_changed_module_has_bytecode_of_its_own(tmp_path: Path) -> None:
    """Bytecode that is kept is never compared with its module; few sets of it are kept."""
    kept = tmp_path / "kept"
    names = []
    for number in range(KEPT + 2):
        code = unpacked(tmp_path / str(number), kept, word=f"f = lambda: 1; print({number})")
        names.append(imported(code, "word")[0])

    assert names == [str(number) for number in range(KEPT + 2)]
    assert len(list(kept.iterdir())) == KEPT


def test_bytecode_that_cannot_be_read_is_made_again(tmp_path: Path) -> None:
    """As where another process removes an old set meanwhile."""
    kept = tmp_path / "kept"
    unpacked(tmp_path / "first", kept, word="f = lambda: 1")
    (folder,) = kept.iterdir()
    (path,) = folder.glob("__pycache__/word.*.pyc")
    path.unlink()
    path.symlink_to(tmp_path / "missing")

    code = unpacked(tmp_path / "second", kept, word="f = lambda: 1")

    assert not list(code.glob("__pycache__/word.*"))
    again = subprocess.run([sys.executable, "-c", "import word"], cwd=code, check=False)
    assert again.returncode == 0


def test_few_modules_are_compiled_when_they_are_imported(tmp_path: Path) -> None:
    """Functions of tests would fill the folder."""
    content = io.BytesIO(zipped("word"))
    with zipfile.ZipFile(content) as archive:
        add_bytecode(tmp_path, archive.infolist(), kept=tmp_path / "kept")

    assert not list(tmp_path.iterdir())
