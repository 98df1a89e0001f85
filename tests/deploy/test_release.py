"""Releases: what becomes of CHANGELOG.md and of the program's version."""

from datetime import date
from pathlib import Path

import pytest

from deploy.package import ROOT
from deploy.release import ReleaseError, main, release

FILE = "lib/models/program.py"
TODAY = date(2026, 12, 1)
PROGRAM = 'NAME: Final = "x"\nVERSION: Final = "0.1.0"\n'
FIRST = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Alerts.\n"
SECOND = f"{FIRST}\n## [1.2.0] - 2026-11-01\n\n### Fixed\n\n- Links.\n"


def test_a_first_release_takes_all_that_is_unreleased() -> None:
    """The entries stand under the version, and "Unreleased" is empty again."""
    made = release(FIRST, PROGRAM, version="1.0.0", today=TODAY)

    assert made.changelog == (
        "# Changelog\n\n## [Unreleased]\n\n## [1.0.0] - 2026-12-01\n\n### Added\n\n- Alerts.\n"
    )
    assert made.notes == "### Added\n\n- Alerts.\n"
    assert made.program == 'NAME: Final = "x"\nVERSION: Final = "1.0.0"\n'


def test_the_next_release_leaves_the_last_one_as_it_is() -> None:
    """Only what is new is in the notes."""
    made = release(SECOND, PROGRAM, version="1.10.0", today=TODAY)

    assert made.notes == "### Added\n\n- Alerts.\n"
    assert made.changelog.endswith(
        "- Alerts.\n\n## [1.2.0] - 2026-11-01\n\n### Fixed\n\n- Links.\n"
    )


@pytest.mark.parametrize(
    ("changelog", "program", "version", "reason"),
    [
        (FIRST, PROGRAM, "v1.0.0", "is not a version"),
        (FIRST, PROGRAM, "1.0", "is not a version"),
        (SECOND, PROGRAM, "1.2.0", "not newer than 1.2.0"),
        (SECOND, PROGRAM, "1.1.9", "not newer than 1.2.0"),
        ("# Changelog\n", PROGRAM, "1.0.0", "no heading"),
        ("## [Unreleased]\n\n## [1.2.0] - 2026-11-01\n", PROGRAM, "1.3.0", "Nothing stands"),
        (FIRST, "NAME\n", "1.0.0", "names no version"),
    ],
)
def test_what_cannot_be_released_is_refused_with_its_reason(
    changelog: str, program: str, version: str, reason: str
) -> None:
    """Nobody gets a release without notes, or an older one over a newer."""
    with pytest.raises(ReleaseError, match=reason):
        release(changelog, program, version=version, today=TODAY)


def test_the_command_writes_both_files_and_the_notes(tmp_path: Path) -> None:
    """This is what the release workflow runs, on this project's own files."""
    (tmp_path / FILE).parent.mkdir(parents=True)
    for name in ("CHANGELOG.md", FILE):
        (tmp_path / name).write_text((ROOT / name).read_text("utf-8"), encoding="utf-8")

    code = main(["9.9.9", "--notes", str(tmp_path / "new" / "notes.md")], root=tmp_path)

    assert code == 0
    assert "## [9.9.9] - " in (tmp_path / "CHANGELOG.md").read_text("utf-8")
    assert 'VERSION: Final = "9.9.9"' in (tmp_path / FILE).read_text("utf-8")
    assert (tmp_path / "new" / "notes.md").read_text("utf-8").startswith("### ")


def test_the_command_says_why_nothing_is_released(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake leaves both files alone."""
    (tmp_path / "CHANGELOG.md").write_text(FIRST, encoding="utf-8")
    (tmp_path / FILE).parent.mkdir(parents=True)
    (tmp_path / FILE).write_text(PROGRAM, encoding="utf-8")

    code = main(["new", "--notes", str(tmp_path / "notes.md")], root=tmp_path)

    assert code == 1
    assert capsys.readouterr().err == "Not released. 'new' is not a version such as 1.2.0\n"
    assert (tmp_path / "CHANGELOG.md").read_text("utf-8") == FIRST
