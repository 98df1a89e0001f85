"""The wheel: one package whose imports are its own, installed and used away from the repository."""

import ast
import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from email import message_from_string
from pathlib import Path
from zipfile import ZipFile

import pytest

from deploy.package import ROOT
from deploy.wheel import CODE, PACKAGE, RewriteError, package_files, requirements, rewritten
from lib.models.program import NAME, VERSION

DOCUMENT = ROOT / "local" / "recordings" / "payments-api-1.4.2.json"
STORY = ROOT / "tests" / "stories"


# --- imports --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from lib.text import clean\n", "from ecr_scan_alerts.lib.text import clean\n"),
        ("from lib import errors\n", "from ecr_scan_alerts.lib import errors\n"),
        ("from  cli.a import (\n  b,\n)\n", "from  ecr_scan_alerts.cli.a import (\n  b,\n)\n"),
        ("import lib.text as t\n", "import ecr_scan_alerts.lib.text as t\n"),
        ("def f():\n    from lib import b; from cli import c\n",
         "def f():\n    from ecr_scan_alerts.lib import b; from ecr_scan_alerts.cli import c\n"),
        ("s = 'ü'; from lib import b\n", "s = 'ü'; from ecr_scan_alerts.lib import b\n"),
    ],
)  # fmt: skip
def test_an_import_of_ours_is_one_of_the_package(source: str, expected: str) -> None:
    """Wherever it stands in the module."""
    assert rewritten(source.encode(), "x.py").decode() == expected


@pytest.mark.parametrize(
    "source",
    [
        "from library import x\n",
        "import libcst\n",
        "from . import lib\n",
        "from .lib import x\n",
        "from boto3 import lib\n",
        '"""Read from lib.text import clean."""\n',
        "# from lib.text import clean\n",
        "x = 'lib is a word'\n",
        "x = 'lib.md'\n",
    ],
)
def test_other_text_stays(source: str) -> None:
    """Names that only begin like ours, relative imports, comments and prose."""
    assert rewritten(source.encode(), "x.py").decode() == source


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import lib.text\n", r"x\.py:1: write `from … import …` instead"),
        ("import os, lib.text as t\n", r"x\.py:1: write `from"),
        ("\nname = 'lib.text'\n", r"x\.py:2: 'lib\.text' names a module"),
        ("from \\\n  lib import x\n", None),
    ],
)
def test_what_cannot_be_moved_stops_the_build(source: str, reason: str | None) -> None:
    """A module that would look for a top-level `lib` is no part of a wheel."""
    if reason is None:
        reason = "cannot be read"
    with pytest.raises(RewriteError, match=reason):
        rewritten(source.encode(), "x.py", {"lib.text"})


def test_no_module_of_the_package_imports_from_outside_of_it() -> None:
    """All modules of cli and lib are in it, and their lines keep their numbers."""
    files = dict(package_files(ROOT))
    modules = {name: content for name, content in files.items() if name.endswith(".py")}
    roots = {
        (node.module or "").partition(".")[0]
        for content in modules.values()
        for node in ast.walk(ast.parse(content))
        if isinstance(node, ast.ImportFrom) and node.level == 0
    }

    assert PACKAGE in roots
    assert not roots & {*CODE, "handlers", "deploy", "local", "tests"}
    assert {"cli/__main__.py", "lib/page/report.js", "schemas/alerts-1.0.0.json"} <= set(files)
    assert all(
        content.count(b"\n") == (ROOT / name).read_bytes().count(b"\n")
        for name, content in modules.items()
        if name.startswith(CODE)
    )


# --- the built wheel ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel by the backend that pyproject.toml names."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run(
        [*command, "--directory", str(folder)], cwd=ROOT, check=True, capture_output=True
    )
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Install the wheel into an empty environment, and return that.

    The libraries are those of the tests, named by a .pth file: nothing is fetched.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    pip += ["--disable-pip-version-check", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
    return folder


def run(installed: Path, where: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the console script in a directory."""
    command = [str(installed / "bin" / NAME), *arguments]
    return subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)


def canonical(requirement: str) -> str:
    """Return a requirement with the name as indexes write it."""
    name, _, version = requirement.partition("==")
    return f"{name.replace('.', '-')}=={version}"


def test_the_wheel_is_one_package_with_one_command(wheel: Path) -> None:
    """No top-level `lib` or `cli` that another project could import, or overwrite."""
    with ZipFile(wheel) as archive:
        names = {name.partition("/")[0] for name in archive.namelist()}
        head = archive.read(f"{PACKAGE}-{VERSION}.dist-info/METADATA").decode()
        scripts = archive.read(f"{PACKAGE}-{VERSION}.dist-info/entry_points.txt").decode()
    metadata = message_from_string(head)

    assert names == {PACKAGE, f"{PACKAGE}-{VERSION}.dist-info"}
    assert (metadata["Name"], metadata["Version"]) == (NAME, VERSION)
    assert metadata.get_all("Requires-Dist") == sorted(map(canonical, requirements(ROOT)))
    assert re.findall(r"^\S+ = .+$", scripts, re.MULTILINE) == [
        f"{NAME} = {PACKAGE}.cli.__main__:main"
    ]


def test_the_requirements_are_those_of_the_lock() -> None:
    """The command of `pipx install` runs on the versions that are tested."""
    lock = (ROOT / "requirements" / "operator.txt").read_text("utf-8")

    assert len(requirements(ROOT)) > 5
    assert all(f"{canonical(requirement)} " in lock for requirement in requirements(ROOT))


def test_the_version_stands_in_one_place() -> None:
    """The project has no number of its own beside that of the program."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert "version" not in project
    assert "version" not in json.loads((ROOT / "package.json").read_text("utf-8"))


def test_site_packages_gets_one_name(installed: Path) -> None:
    """Beside what the test itself put there."""
    (packages,) = installed.glob("lib/python*/site-packages")

    assert {path.name for path in packages.iterdir()} == {
        PACKAGE,
        f"{PACKAGE}-{VERSION}.dist-info",
        "libraries.pth",
    }


def test_the_installed_command_works_anywhere(installed: Path, tmp_path: Path) -> None:
    """Also beside folders named lib and cli, which are somebody else's."""
    for name in ("lib", "cli", "schemas"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('not ours')\n", "utf-8")
    shutil.copy(ROOT / "alerts.yml", tmp_path)

    answers = [
        run(installed, tmp_path, "--help"),
        run(installed, tmp_path, "--version"),
        run(installed, tmp_path, "normalize", str(DOCUMENT)),
        run(installed, tmp_path, "report", str(DOCUMENT), "-o", "page.html"),
        run(installed, tmp_path, "check-config"),
        run(installed, tmp_path, "simulate", str(next(STORY.glob("*.yml"))), "--check"),
    ]

    assert [answer.returncode for answer in answers] == [0] * len(answers), answers
    assert answers[1].stdout.startswith(f"{NAME} {VERSION} ")
    assert json.loads(answers[2].stdout)
    assert "</html>" in (tmp_path / "page.html").read_text("utf-8")


def test_the_installed_command_is_a_module_too(installed: Path, tmp_path: Path) -> None:
    """`python -m ecr_scan_alerts` works, and no module of it is called `lib`."""
    code = (
        f"import sys, {PACKAGE}.cli.__main__ as command; import {PACKAGE}.lib.bootstrap.app\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules} & {'cli', 'lib'}))"
    )
    python = str(installed / "bin" / "python")
    answer = subprocess.run(
        [python, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    module = subprocess.run(
        [python, "-m", PACKAGE, "--version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert answer.stdout.strip() == ""
    assert module.stdout.startswith(NAME)
