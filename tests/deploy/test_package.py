"""The zip: what is in it, what is not, and that the same input gives the same bytes."""

import json
import re
import subprocess
import zipfile
from datetime import date
from pathlib import Path

import pytest

from cli.alerts_file import read
from deploy import osls
from deploy.archive import packed, store, write
from deploy.bytecode import find_compiler
from deploy.dependencies import DependenciesError, merge, prepared, targets
from deploy.inputs import Inputs
from deploy.package import (
    BUILD,
    CODE,
    ROOT,
    PackageError,
    build_zip,
    check_stage,
    code_key,
    main,
    package,
)
from tests.deploy.conftest import CONFIG, Package
from tests.support.calls import handlers

LOCK = ROOT / "requirements" / "runtime.txt"


IMPORT_ALL = """
import importlib, os, pathlib, sys
import boto3  # is of the runtime, and takes as long as a handler
root, *handlers = sys.argv[1:]
sys.path.insert(0, root)
failed = []
for handler in handlers:
    if child := os.fork():
        failed += [handler] if os.waitpid(child, 0)[1] else []
    else:
        importlib.import_module(f"handlers.{handler}")
        sys.exit()
for path in pathlib.Path(root, "lib").rglob("*.py"):
    name = ".".join(path.relative_to(root).with_suffix("").parts)
    importlib.import_module(name.removesuffix(".__init__"))
print(*failed)
"""
"""Imports each handler in a process that has none of our modules yet, then what may come later."""


def names(path: Path) -> set[str]:
    """Return the names of the files in a zip."""
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def locked() -> set[str]:
    """Return the distributions of the lock."""
    return set(re.findall(r"^([a-z0-9-]+)==", LOCK.read_text(), re.MULTILINE))


# --- what is in it ------------------------------------------------------------------------------


def test_the_zip_is_small(built: Package) -> None:
    """Under 5.85 MB: boto3 is left to the runtime."""
    assert built.zip.stat().st_size < 5_850_000


@pytest.mark.parametrize("absent", ["boto3/", "botocore/", "s3transfer/", "pip/", "bin/", "cli/"])
def test_the_zip_has_nothing_of_the_runtime_or_of_operators(built: Package, absent: str) -> None:
    """Neither what Lambda brings nor what only people use."""
    assert [each for each in names(built.zip) if each.startswith(absent)] == []


def test_the_zip_is_pruned(built: Package) -> None:
    """No tests, no stubs, no traces of an installation."""
    parts = {part for name in names(built.zip) for part in name.split("/")}

    assert parts.isdisjoint({"tests", "test", "RECORD", "INSTALLER", "REQUESTED"})
    assert [each for each in parts if each.endswith((".pyi", ".c", ".pyx"))] == []


def test_every_licence_is_kept(built: Package) -> None:
    """Each distribution of the lock brings its licence text, and we bring ours."""
    texts = [each for each in names(built.zip) if re.search(r"LICEN[SC]E|COPYING", each)]
    licensed = {each.partition("/")[0].partition("-")[0].replace("_", "-") for each in texts}

    assert locked() - licensed == set()
    assert "LICENSE" in texts


def test_compiled_modules_fit_lambda_and_this_machine(built: Package) -> None:
    """Both processors that Lambda offers, side by side, and one more for the tests."""
    compiled = {each for each in names(built.zip) if each.startswith("rpds/rpds.")}

    assert "rpds/rpds.cpython-313-aarch64-linux-gnu.so" in compiled
    assert "rpds/rpds.cpython-313-x86_64-linux-gnu.so" in compiled
    assert len(compiled) == len(targets())


def test_bytecode_of_the_runtime_is_in_the_zip(built: Package) -> None:
    """Each of our modules and of the libraries', where Python 3.13 is at hand; else none."""
    sources = {each for each in names(built.zip) if each.endswith(".py")}
    compiled = {each for each in names(built.zip) if each.endswith(".pyc")}
    expected = {
        re.sub(r"([^/]+)\.py$", r"__pycache__/\1.cpython-313.pyc", each) for each in sources
    }

    assert compiled == (expected if find_compiler() else set())


def test_the_configuration_is_in_the_zip(built: Package) -> None:
    """As JSON, so that no function needs YAML."""
    with zipfile.ZipFile(built.zip) as archive:
        document = json.loads(archive.read("alerts.json"))

    assert document == read(CONFIG).document


def test_all_of_our_code_is_in_the_zip(built: Package) -> None:
    """Handlers, library and schemas: every file."""
    ours = {
        path.relative_to(ROOT).as_posix()
        for pattern in ("handlers/**/*.py", "lib/**/*.py", "schemas/**/*.json")
        for path in ROOT.glob(pattern)
    }

    assert ours <= names(built.zip)


# --- the same bytes -----------------------------------------------------------------------------


def test_the_same_input_gives_the_same_zip(built: Package, tmp_path: Path) -> None:
    """Built again, the bytes are equal: bytecode, order, dates, modes; kept code changes none."""
    document = read(CONFIG).document
    kept = tmp_path / "code.zip"
    store(kept, packed({"lib/errors.py": b"broken"}, comment="of other sources"))

    second, third = (
        build_zip(document, tmp_path / f"{name}.zip", code=kept) for name in ("second", "third")
    )

    assert second.sha256 == third.sha256
    assert built.zip.read_bytes() == second.path.read_bytes() == third.path.read_bytes()
    assert CODE.read_bytes() == kept.read_bytes()
    assert names(built.zip) - names(kept) == {"alerts.json"}


def test_kept_code_is_made_anew_for_each_input() -> None:
    """A source, its name, another source, and other dependencies."""
    kept, other = Path("kept/1"), Path("kept/2")
    keys = [
        code_key({"lib/a.py": b"1"}, kept),
        code_key({"lib/a.py": b"2"}, kept),
        code_key({"lib/b.py": b"1"}, kept),
        code_key({"lib/a.py": b"1", "lib/b.py": b""}, kept),
        code_key({"lib/a.py": b"1"}, other),
    ]

    assert len(set(keys)) == len(keys)
    assert code_key({"lib/a.py": b"1"}, kept) == keys[0]


def test_kept_templates_are_made_anew_for_each_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file that osls or the parameters are made of, and the version."""
    for source in (path for pattern in osls.SOURCES for path in ROOT.glob(pattern)):
        copy = tmp_path / source.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source.read_bytes())
    monkeypatch.setattr(osls, "ROOT", tmp_path)
    keys = [osls.fingerprint()]
    copies = [path for path in sorted(tmp_path.rglob("*")) if path.is_file()]

    for copy in copies:
        copy.write_bytes(copy.read_bytes() + b" ")
        keys.append(osls.fingerprint())
    monkeypatch.setattr(osls, "VERSION", "0.0.0")
    keys.append(osls.fingerprint())

    assert {"serverless.yml", "package-lock.json", "parameters.py"} <= {c.name for c in copies}
    assert len(set(keys)) == len(copies) + 2


def test_kept_code_gets_the_configuration_of_its_zip(built: Package, tmp_path: Path) -> None:
    """The configuration that was packaged before is not in the next zip."""
    archive = build_zip({"other": 1}, tmp_path / "other.zip")

    with zipfile.ZipFile(archive.path) as opened:
        assert json.loads(opened.read("alerts.json")) == {"other": 1}
    assert names(archive.path) == names(built.zip)


def test_another_configuration_gives_another_zip(tmp_path: Path) -> None:
    """The hash stands for what runs, and that includes the configuration."""
    first = write(tmp_path / "first.zip", {"alerts.json": b"1"})
    second = write(tmp_path / "second.zip", {"alerts.json": b"2"})

    assert first.sha256 != second.sha256


def test_files_are_sorted_dated_and_readable(tmp_path: Path) -> None:
    """What a zip says about its files depends on nothing but their names."""
    archive = write(tmp_path / "a.zip", {"b/c.py": b"c", "a.py": b"a"})

    with zipfile.ZipFile(archive.path) as opened:
        entries = opened.infolist()
    assert [each.filename for each in entries] == ["a.py", "b/c.py"]
    assert {each.date_time for each in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {each.external_attr >> 16 for each in entries} == {0o100644}


# --- what stops it ------------------------------------------------------------------------------


def test_an_invalid_configuration_is_not_packaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Errors are said with their lines, and nothing is built."""
    config = tmp_path / "alerts.yml"
    config.write_text(CONFIG.read_text().replace("severity: HIGH", "severity: VERY_BAD"))

    code = main(["--stage", "never", "--config", str(config)])

    assert code == 1
    assert "alerts.yml:13: error: routes[0].severity (route " in capsys.readouterr().err
    assert not (BUILD / "never").exists()


def test_more_hosts_than_a_parameter_has_room_for_are_not_packaged() -> None:
    """Before anything is built or uploaded."""
    hosts = [f"receiver-{number:03}.example.com" for number in range(170)]

    with pytest.raises(PackageError, match=r"ReceiverHosts takes 4,249 bytes"):
        package(Inputs("never", "", CONFIG, {"receiverHosts": hosts}), today=date(2026, 11, 24))
    assert not (BUILD / "never").exists()


@pytest.mark.parametrize("stage", ["", "prod/1", "1st", "../x", "a" * 30, "\u0430"])
def test_a_stage_that_names_cannot_hold_is_refused(stage: str) -> None:
    """Stack, queues and functions are named after the stage."""
    with pytest.raises(PackageError, match="STAGE must be"):
        check_stage(stage)


def test_targets_that_disagree_are_not_merged(tmp_path: Path) -> None:
    """A module that differs between processors under one name would break one of them."""
    for target, content in (("one", b"1"), ("two", b"2")):
        (tmp_path / target).mkdir()
        (tmp_path / target / "module.so").write_bytes(content)
    merge(tmp_path / "one", tmp_path / "merged")

    with pytest.raises(DependenciesError, match=r"module\.so differs between targets"):
        merge(tmp_path / "two", tmp_path / "merged")


def test_a_failed_download_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    """The last words of pip are passed on; the next attempt starts afresh."""
    lock = tmp_path / "lock.txt"
    lock.write_text("not a requirement\n")

    with pytest.raises(DependenciesError, match=r"(?s)could not fetch lock\.txt .*Invalid"):
        prepared(lock, kept=tmp_path / "kept", compiler=None, say=lambda _: None)

    assert list((tmp_path / "kept").iterdir()) == []


# --- whether it is complete ---------------------------------------------------------------------


def test_a_handler_needs_nothing_but_the_zip_and_the_runtime(
    task_root: Path, lambda_python: Path
) -> None:
    """Everything a handler can import is there: its own modules and every lazy one."""
    modules = handlers(ROOT)
    environment = {"POWERTOOLS_METRICS_NAMESPACE": "Test", "AWS_DEFAULT_REGION": "eu-central-1"}

    answer = subprocess.run(
        [lambda_python, "-I", "-c", IMPORT_ALL, str(task_root), *modules],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert len(modules) > 8
    assert (answer.returncode, answer.stdout.split(), answer.stderr) == (0, [], "")
