"""The steps of the set-up: what they say, and that what was interrupted is done again."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy import dependencies
from deploy.dependencies import DependenciesError
from deploy.package import ROOT

PYTHON = """#!/bin/sh
case "$*" in
  *" install "*) echo "$@" >>"{calls}"; {install} ;;
esac
"""
"""Stands in for the Python of .venv: new enough, with a pip."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with the script, a lock and an environment that has pip."""
    (tmp_path / "requirements").mkdir()
    shutil.copy(ROOT / "requirements" / "install", tmp_path / "requirements")
    (tmp_path / ".venv/lib/python3/site-packages/pip").mkdir(parents=True)
    (tmp_path / ".venv/bin").mkdir()
    return tmp_path


def install(
    checkout: Path, step: str, *, pip: str = "true", path: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one step with a pip that does what the shell is told."""
    python = checkout / ".venv/bin/python"
    python.write_text(PYTHON.format(calls=checkout / "calls", install=pip))
    python.chmod(0o755)
    return subprocess.run(
        [shutil.which("bash") or "bash", checkout / "requirements" / "install", step],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": path or os.environ["PATH"]},
    )


def test_a_step_says_that_it_begins_and_ends_and_nothing_else(checkout: Path) -> None:
    """What pip says about a set-up that went well is not shown."""
    answer = install(checkout, "operator", pip="echo a warning >&2")

    assert answer.returncode == 0
    assert answer.stderr.splitlines()[0] == "Setting up the command …"
    assert answer.stderr.splitlines()[1].startswith("✓ the command, ")
    assert "a warning" not in answer.stderr
    assert not (checkout / ".venv/.unfinished").exists()


def test_a_failing_step_shows_all_that_was_said(checkout: Path) -> None:
    """The code is that of the tool, and the next run knows that this one did not end."""
    answer = install(checkout, "operator", pip="echo first; echo last >&2; exit 3")

    assert answer.returncode == 3
    assert answer.stderr.endswith("✗ the command could not be set up:\nfirst\nlast\n")
    assert (checkout / ".venv/.unfinished").exists()


def test_an_interrupted_step_is_done_again_from_the_start(checkout: Path) -> None:
    """Libraries that may be half written go; the pip that writes them anew stays."""
    packages = checkout / ".venv/lib/python3/site-packages"
    (packages / "half").mkdir()
    (checkout / ".venv/.unfinished").touch()

    answer = install(checkout, "dev")

    assert answer.returncode == 0
    assert [each.name for each in packages.iterdir()] == ["pip"]
    assert not (checkout / ".venv/.unfinished").exists()


def test_only_what_the_lock_names_is_installed(checkout: Path) -> None:
    """Each file by its hash, and nothing that is not in the lock."""
    install(checkout, "operator")

    call = (checkout / "calls").read_text().split()
    assert {"--no-deps", "--require-hashes", "requirements/operator.txt"} <= set(call)


def test_an_environment_that_works_is_kept(checkout: Path) -> None:
    """The first step makes .venv only where there is none."""
    answer = install(checkout, "python")

    assert (answer.returncode, answer.stderr) == (0, "")
    assert (checkout / ".venv/lib/python3/site-packages/pip").exists()


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        ("python", "Python 3.11 or newer is needed: https://www.python.org/downloads\n"),
        ("node", "Node.js 20.19 or newer with npm is needed: https://nodejs.org/en/download\n"),
        ("other", "Which step? One of those that "),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(checkout: Path, step: str, sentence: str) -> None:
    """On a machine without it, before anything is made."""
    (checkout / "bin").mkdir()
    (checkout / "bin/dirname").symlink_to(shutil.which("dirname") or "")
    (checkout / "requirements/install").write_text(
        (checkout / "requirements/install").read_text().replace("venv=.venv", "venv=none", 1)
    )

    answer = install(checkout, step, path=str(checkout / "bin"))

    assert answer.returncode == 1
    assert answer.stderr.startswith(sentence)


# --- the package's libraries, ahead of the packaging --------------------------------------------


def test_libraries_are_fetched_for_the_packaging(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same lock into the same folder, so that the packaging finds them."""
    calls = []
    monkeypatch.setattr(
        dependencies, "prepared", lambda lock, *, kept, **_: calls.append((lock, kept))
    )

    code = dependencies.main()

    assert code == 0
    assert calls == [(ROOT / "requirements/runtime.txt", ROOT / ".build/dependencies")]


def test_libraries_that_cannot_be_fetched_are_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason, and an exit code that stops make."""

    def fail(*_: object, **__: object) -> None:
        raise DependenciesError("no network")

    monkeypatch.setattr(dependencies, "prepared", fail)

    code = dependencies.main()

    assert (code, capsys.readouterr().err) == (1, "no network\n")
