"""The repository as a whole: what must never be in it, and what must."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OLDEST_PYTHON = (3, 11)
CODE = ("acceptance", "benchmarks", "cli", "deploy", "handlers", "lib", "local")
LONG = 450
"""Lines of a module above which its docstring has to give a reason."""

FOREIGN = (
    # Where packages come from is the business of whoever installs them.
    r"https?://[^/\s\"']*(?:py" + r"pi|registry\.np" + r"mjs)[^/\s\"']*",
    r"(?:^|\s)--(?:(?:extra-)?index-url|find-links)",
    # Folders of one machine.
    r"(?<![\w.$/}])/(?:home|root|Users|wo" + r"rk)/",
)
"""What a line must not hold; written so that this file does not hold it either."""


def tracked(*patterns: str) -> list[Path]:
    """Return the files under version control, and new ones that nothing ignores."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    answer = subprocess.run(
        [*command, *patterns], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if answer.returncode:
        pytest.skip("this is no git checkout")
    files = [ROOT / name for name in sorted(set(answer.stdout.split("\0"))) if name]
    return [each for each in files if each.is_file()]


def text_of(path: Path) -> str:
    """Return the text of a file; empty for pictures."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def shown(path: Path) -> str:
    """Return a path as people write it."""
    return path.relative_to(ROOT).as_posix()


def is_recorded(path: Path) -> bool:
    """Whether a file is a document of AWS, kept as it came."""
    return shown(path).startswith(("tests/events/", "tests/findings/", "local/recordings/"))


@pytest.mark.parametrize(
    "path", ["lib/flows/syncs.py", "deploy/package.py", "schemas/alerts-1.0.0.json"]
)
def test_our_folders_are_not_ignored(path: str) -> None:
    """Stock ignore files name lib/ and build folders; ours must not."""
    assert ROOT / path in tracked()


def test_nothing_names_a_machine_or_a_registry() -> None:
    """What one machine has is of no use on another."""
    forbidden = re.compile("|".join(FOREIGN), re.MULTILINE)
    found = [
        f"{shown(path)}:{number}"
        for path in tracked()
        if not is_recorded(path)
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if forbidden.search(line)
    ]

    assert found == []


@pytest.mark.parametrize("folder", [".", "requirements/chromium", "requirements/validators"])
def test_the_lock_of_npm_names_no_registry(folder: str) -> None:
    """Packages are named by version and hash."""
    lock = json.loads((ROOT / folder / "package-lock.json").read_text())
    packages = [each for name, each in lock["packages"].items() if name]

    assert [each for each in packages if "resolved" in each] == []
    assert all("integrity" in each for each in packages)


@pytest.mark.parametrize(
    "name", ["runtime", "operator", "dev", "cloud", "lambda", "moto", "docs", "oldest"]
)
def test_every_requirement_is_locked_by_hash(name: str) -> None:
    """Each line names one version and how its files look."""
    lock = (ROOT / "requirements" / f"{name}.txt").read_text().replace("\\\n", " ")
    requirements = [
        each for each in lock.splitlines() if each and not each.lstrip().startswith("#")
    ]

    assert requirements
    assert [each for each in requirements if "==" not in each or "--hash=sha256:" not in each] == []


def test_a_long_module_says_why() -> None:
    """Its docstring has a line "Long because …". A module that is no longer long has none."""
    reason = re.compile(r"^Long because \w.+\.$", re.MULTILINE)
    modules = tracked(*(f"{folder}/*.py" for folder in CODE))
    long = {shown(path) for path in modules if len(text_of(path).splitlines()) > LONG}
    explained = {
        shown(path)
        for path in modules
        if reason.search(text_of(path))
        and reason.search(ast.get_docstring(ast.parse(text_of(path))) or "")
    }

    assert long - explained == set()
    assert explained - long == set()


@pytest.mark.parametrize("name", ["ecr-scan-alerts", ".ci/run"])
def test_commands_can_be_run(name: str) -> None:
    """A fresh clone can run them."""
    assert os.access(ROOT / name, os.X_OK)
    assert (ROOT / name).read_text().startswith("#!/usr/bin/env bash\n")


def test_every_exception_from_a_check_has_a_reason() -> None:
    """Each names the rule, and a few words say why; for types the code is enough."""
    exception = re.compile(r"# (?:noqa|type: ignore|pragma: no)\b.*")
    explained = re.compile(
        r"# noqa: [A-Z0-9, ]+  # \w.+|# type: ignore\[[\w, -]+\].*|# pragma: no \w+  # \w.+"
    )
    found = [
        f"{shown(path)}:{number}: {match[0]}"
        for path in tracked("*.py")
        if path != Path(__file__)
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if (match := exception.search(line)) and not explained.fullmatch(match[0])
    ]

    assert found == []


@pytest.mark.slow
def test_the_oldest_python_can_read_everything() -> None:
    """No syntax that Python 3.11 does not have."""
    for path in tracked("*.py"):
        ast.parse(text_of(path), filename=shown(path), feature_version=OLDEST_PYTHON)


def test_json_is_json() -> None:
    """Every .json file can be read."""
    for path in tracked("*.json"):
        json.loads(path.read_text(encoding="utf-8"))


def test_actions_are_pinned_by_commit() -> None:
    """A tag can be moved; a commit cannot. The version stands beside it."""
    steps = [
        line.strip()
        for path in tracked(".github/workflows/*.yml")
        for line in text_of(path).splitlines()
        if "uses:" in line
    ]

    assert steps
    assert [
        each for each in steps if not re.fullmatch(r"- uses: [\w./-]+@[0-9a-f]{40} # v[\d.]+", each)
    ] == []


def test_the_workflow_runs_on_every_python_we_name() -> None:
    """What pyproject.toml and the README promise is tested."""
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text()

    assert 'python: ["3.11", "3.12", "3.13", "3.14"]' in workflow
    assert "permissions: {}" in workflow
    assert 'requires-python = ">={}.{}"'.format(*OLDEST_PYTHON) in text_of(ROOT / "pyproject.toml")


def test_make_lists_its_commands() -> None:
    """`make` alone is the help: every command with a sentence."""
    answer = subprocess.run(
        ["make", "--no-print-directory"],  # noqa: S607  # the one on the path
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    listed = {line.split()[1] for line in answer.stdout.splitlines()}

    assert {
        "demo",
        "test",
        "package",
        "deploy",
        "remove",
        "purge",
        "bench",
        "faults",
        "golden",
        "clean",
    } <= listed


@pytest.mark.parametrize("target", ["deploy", "remove", "purge"])
def test_what_changes_an_account_needs_a_stage(target: str) -> None:
    """Nobody deploys or removes a stage that was not named."""
    answer = subprocess.run(
        ["make", "--no-print-directory", target],  # noqa: S607  # the one on the path
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )

    assert answer.returncode != 0
    assert f"Which stage? As in: make {target} STAGE=" in answer.stderr


@pytest.mark.parametrize("target", ["remove", "purge"])
def test_removing_needs_the_operator_tools_only(target: str) -> None:
    """No Node.js, no libraries of the package, no package: what was deployed can always go."""
    answer = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "--always-make", target, "STAGE=prod"],  # noqa: S607  # the one on the path
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )

    assert f"-m deploy.{target} --stage" in answer.stdout
    assert "requirements/install operator" in answer.stdout
    for needless in ("install node", "install package", "deploy.package", "osls"):
        assert needless not in answer.stdout


@pytest.mark.slow
def test_the_command_works_from_any_directory(tmp_path: Path) -> None:
    """Files are those of the caller, the code is ours even beside a folder named cli."""
    if not (ROOT / ".venv" / "bin" / ".operator").exists():
        pytest.skip("not set up by make")
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli" / "__main__.py").write_text("raise SystemExit('not ours')\n")
    (tmp_path / "link").symlink_to(ROOT / "ecr-scan-alerts")

    answer = subprocess.run(
        [tmp_path / "link", "check-config", "nothing.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 2
    assert answer.stderr == "ecr-scan-alerts: nothing.yml: there is no such file\n"
    assert sys.version_info >= OLDEST_PYTHON
