"""
Releases: "Unreleased" in CHANGELOG.md becomes a version, which lib/models/program.py gets, too.

    python -m deploy.release 1.2.0 --notes FILE

The release workflow commits and tags the result. FILE receives the release notes.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from cli.stage_file import ROOT

_VERSION: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)", re.ASCII)
_PROGRAM: Final = Path("lib", "models", "program.py")
_UNRELEASED: Final = "## [Unreleased]\n"
_HEADING: Final = re.compile(r"^## \[(?P<name>[^\]]+)\]", re.MULTILINE)
_PROGRAM_VERSION: Final = re.compile(r'^VERSION: Final = "[^"]+"$', re.MULTILINE)


class ReleaseError(Exception):
    """The version cannot be released. The text names the remedy."""


@dataclass(frozen=True, slots=True)
class Release:
    """The texts of a release: both files to be committed, and the release notes."""

    changelog: str
    program: str
    notes: str


def main(arguments: Sequence[str] | None = None, *, root: Path = ROOT) -> int:
    """Write both files and the notes. Exit code 1: not released; the reason is printed."""
    parser = argparse.ArgumentParser(prog="python -m deploy.release", description=__doc__)
    parser.add_argument("version", help="such as 1.2.0")
    parser.add_argument("--notes", type=Path, required=True, help="where to write the notes")
    options = parser.parse_args(arguments)
    changelog, program = root / "CHANGELOG.md", root / _PROGRAM
    try:
        files = release(
            changelog.read_text("utf-8"),
            program.read_text("utf-8"),
            version=options.version,
            today=datetime.now(UTC).date(),
        )
    except ReleaseError as error:
        print(f"Not released. {error}", file=sys.stderr)
        return 1
    changelog.write_text(files.changelog, encoding="utf-8")
    program.write_text(files.program, encoding="utf-8")
    options.notes.parent.mkdir(parents=True, exist_ok=True)
    options.notes.write_text(files.notes, encoding="utf-8")
    return 0


def release(changelog: str, program: str, *, version: str, today: date) -> Release:
    """
    Close "Unreleased" under a version and a date, and set the program's version.

    Raises `ReleaseError` for an invalid version, for one that is not newer than the last release,
    and for an empty section "Unreleased".
    """
    before, separator, after = changelog.partition(_UNRELEASED)
    if not separator:
        raise ReleaseError('CHANGELOG.md has no heading "## [Unreleased]"')
    newer = _parts(version)
    heading = _HEADING.search(after)
    if heading is not None and newer <= _parts(heading["name"]):
        raise ReleaseError(f"{version} is not newer than {heading['name']}, the last release")
    notes = (after if heading is None else after[: heading.start()]).strip()
    if not notes:
        raise ReleaseError('Nothing stands under "Unreleased" in CHANGELOG.md')
    older = "" if heading is None else f"\n{after[heading.start() :]}"
    new_changelog = f"{before}{_UNRELEASED}\n## [{version}] - {today}\n\n{notes}\n{older}"
    new_program, count = _PROGRAM_VERSION.subn(f'VERSION: Final = "{version}"', program, count=1)
    if not count:
        raise ReleaseError(f"{_PROGRAM} names no version")
    return Release(new_changelog, new_program, f"{notes}\n")


def _parts(version: str) -> tuple[int, ...]:
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ReleaseError(f"{version!r} is not a version such as 1.2.0")
    return tuple(int(part) for part in match.groups())


if __name__ == "__main__":
    sys.exit(main())
