"""The steps of the set-up: what they say, and that what was interrupted is done again."""

import os
import shutil
import subprocess
import sys
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
    write_python(checkout, pip)
    return run_step(checkout, step, path or os.environ["PATH"])


def write_python(checkout: Path, pip: str) -> None:
    python = checkout / ".venv/bin/python"
    python.write_text(PYTHON.format(calls=checkout / "calls", install=pip))
    python.chmod(0o755)


def run_step(checkout: Path, step: str, path: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shutil.which("bash") or "bash", checkout / "requirements" / "install", step],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": path},
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


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("ensurepip is not available", "apt-get install python3-venv"),
        ("No module named venv", "apt-get install python3-venv"),
        ("[Errno 28] No space left on device", "The disk is full"),
        ("[Errno 13] Permission denied: .venv", "use a clone of your own"),
        ("[Errno 30] Read-only file system: .venv", "use a clone of your own"),
        ("something odd", "its own words are above"),
    ],
)
def test_a_python_that_makes_no_environment_says_why(
    checkout: Path, tmp_path: Path, reason: str, advice: str
) -> None:
    """Each reason has a remedy of its own, and the tool's words are shown."""
    shutil.rmtree(checkout / ".venv")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "python3").write_text(
        f'#!/bin/sh\ncase "$*" in *" venv "*) echo "{reason}" >&2; exit 1 ;; esac\n'
    )
    (tools / "python3").chmod(0o755)

    answer = run_step(checkout, "python", f"{tools}:{os.environ['PATH']}")

    assert answer.returncode == 1
    assert reason in answer.stderr
    assert advice in answer.stderr.splitlines()[-1]


def test_an_environment_without_pip_says_why(checkout: Path, tmp_path: Path) -> None:
    """Python itself only says that making a pip failed."""
    shutil.rmtree(checkout / ".venv")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "python3").write_text(
        """#!/bin/sh
case "$*" in
  *"-m venv "*)
    mkdir -p .venv/bin
    printf '#!/bin/sh\\necho No space left on device; exit 1\\n' >.venv/bin/python
    chmod +x .venv/bin/python
    echo "Error: '-m', 'ensurepip' returned non-zero exit status 1." >&2
    exit 1 ;;
esac
"""
    )
    (tools / "python3").chmod(0o755)

    answer = run_step(checkout, "python", f"{tools}:{os.environ['PATH']}")

    assert "The disk is full" in answer.stderr.splitlines()[-1]


def test_a_folder_that_cannot_be_written_is_said(checkout: Path) -> None:
    """Before anything is tried in it."""
    (checkout / ".build").touch()

    answer = install(checkout, "operator")

    assert answer.returncode == 1
    assert "cannot be written" in answer.stderr
    assert not (checkout / "calls").exists()


def test_two_set_ups_at_once_follow_each_other(checkout: Path) -> None:
    """The second one waits, says so, and ends as well."""
    write_python(checkout, "echo begins >>calls; sleep 0.5; echo ends >>calls")
    words = [shutil.which("bash") or "bash", checkout / "requirements" / "install", "operator"]

    both = [
        subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd=checkout) for _ in range(2)
    ]
    said = [one.communicate(timeout=60)[1] for one in both]

    steps = [
        line for line in (checkout / "calls").read_text().split() if line in ("begins", "ends")
    ]
    assert [one.returncode for one in both] == [0, 0]
    assert steps == ["begins", "ends"] * 2
    assert sum("Another command is setting this up" in text for text in said) == 1


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


# --- a Chromium, where there is none ------------------------------------------------------------


@pytest.fixture
def bare(checkout: Path) -> Path:
    """Return a checkout on Linux x86-64 whose PATH has Node.js, npm and no Chromium."""
    shutil.copytree(ROOT / "requirements" / "chromium", checkout / "requirements" / "chromium")
    shutil.copytree(ROOT / "local" / "demo", checkout / "local" / "demo")
    shutil.copy(ROOT / "local" / "__init__.py", checkout / "local")
    (checkout / "bin").mkdir()
    for name in ("cat", "cp", "date", "dirname", "env", "mkdir", "mktemp", "rm", "touch"):
        (checkout / "bin" / name).symlink_to(shutil.which(name) or "")
    programs = {
        "python3": f'exec {sys.executable} "$@"',
        "uname": "echo Linux x86_64",
        "npm": f'echo "$@" >>{checkout}/calls',
        "node": '[ "$1" != extract.mjs ] || echo browser >"$TMPDIR/chromium"',
    }
    for name, script in programs.items():
        (checkout / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (checkout / "bin" / name).chmod(0o755)
    return checkout


def test_a_machine_without_a_chromium_gets_one(bare: Path) -> None:
    """From the lock of its own, with its fonts; what was unpacked goes again."""
    answer = run_step(bare, "chromium", str(bare / "bin"))

    assert answer.returncode == 0, answer.stderr
    assert answer.stderr.splitlines()[0] == "Setting up a Chromium …"
    made = {path.name for path in (bare / ".build" / "chromium").iterdir()}
    assert made == {".ready", "chromium", "fonts.conf"}
    assert {"ci", "--ignore-scripts"} <= set((bare / "calls").read_text().split())


@pytest.mark.parametrize("program", ["chromium", "google-chrome"])
def test_a_machine_with_a_chromium_gets_none(bare: Path, program: str) -> None:
    """Nothing is fetched, and nothing is said."""
    (bare / "bin" / program).symlink_to(bare / "bin" / "node")

    answer = run_step(bare, "chromium", str(bare / "bin"))

    assert (answer.returncode, answer.stderr) == (0, "")
    assert not (bare / ".build").exists()


def test_a_machine_that_the_package_does_not_fit_gets_none(bare: Path) -> None:
    """Its browser tests are skipped, and the run says so."""
    (bare / "bin" / "uname").write_text("#!/bin/sh\necho Darwin arm64\n")

    answer = run_step(bare, "chromium", str(bare / "bin"))

    assert (answer.returncode, answer.stderr) == (0, "")
    assert not (bare / ".build").exists()


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
