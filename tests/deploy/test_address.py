"""The address of the repository: a release states that of the repository in which it is made."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.address import main
from deploy.package import ROOT
from lib.models.program import REPOSITORY

GOLDEN = ROOT / "tests" / "notifiers" / "golden"
FILES = (
    Path("lib/models/program.py"),
    Path("mkdocs.yml"),
    Path("README.md"),
    *(path.relative_to(ROOT) for path in (ROOT / "schemas").rglob("*.json")),
    *(path.relative_to(ROOT) for path in (ROOT / "docs").rglob("*.md")),
    *(path.relative_to(ROOT) for path in GOLDEN.glob("webhook/*.json")),
    *(path.relative_to(ROOT) for path in GOLDEN.glob("*/webhook.json")),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with a copy of each file that states the address."""
    for path in FILES:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, tmp_path / path)
    return tmp_path


def test_every_file_gets_the_same_address(root: Path) -> None:
    """Program, site, and the id of each schema."""
    assert main(["acme/alerts"], root=root) == 0

    program = (root / "lib/models/program.py").read_text()
    assert '_SLUG: Final = "acme/alerts"' in program
    assert '"https://github.com/acme/alerts"' in (root / "mkdocs.yml").read_text()
    for path in (root / "schemas").rglob("*.json"):
        place = path.relative_to(root).as_posix()
        id_ = json.loads(path.read_text())["$id"]
        assert id_ == f"https://raw.githubusercontent.com/acme/alerts/main/{place}"


def test_no_file_of_the_repository_is_forgotten(root: Path) -> None:
    """Whatever states the address of today is among those that are written."""
    slug = REPOSITORY.removeprefix("https://github.com/")
    listed = subprocess.run(
        ["git", "grep", "-lE", rf"github(usercontent)?\.com/{slug}"],  # noqa: S607  # the one on the path
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    stating = {Path(line) for line in listed.stdout.splitlines()}

    assert stating <= set(FILES)
    main(["acme/alerts"], root=root)
    assert [path for path in stating if slug in (root / path).read_text()] == []


def test_nothing_else_changes(root: Path) -> None:
    """The way back restores each byte."""
    main(["acme/alerts"], root=root)
    main([REPOSITORY.removeprefix("https://github.com/")], root=root)

    assert [
        path for path in FILES if (root / path).read_bytes() != (ROOT / path).read_bytes()
    ] == []


@pytest.mark.parametrize("name", ["", "alerts", "acme/alerts/x", 'acme/a"'])
def test_a_name_that_is_none_is_refused(
    root: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is written."""
    assert main([name], root=root) == 1
    assert "is none" in capsys.readouterr().err


def test_a_program_without_a_name_is_refused(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing to replace."""
    (root / "lib/models/program.py").write_text("")

    assert main(["acme/alerts"], root=root) == 1
    assert "names no repository" in capsys.readouterr().err


def test_the_release_workflow_writes_its_own_repository() -> None:
    """Before it commits."""
    steps = (ROOT / ".github/workflows/release.yml").read_text()

    assert -1 < steps.find('deploy.address "$GITHUB_REPOSITORY"') < steps.find("git commit --all")
