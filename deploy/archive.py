"""Zip archives whose bytes depend only on their content."""

import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_DATE: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest date in a zip."""
_READABLE: Final = 0o100644 << 16
"""Lambda's user is not the owner:
https://docs.aws.amazon.com/lambda/latest/dg/python-package.html"""
_UNIX: Final = 3
_LEVEL: Final = 9


@dataclass(frozen=True, slots=True)
class Archive:
    """A written archive, with its size and hash."""

    path: Path
    files: int
    size: int
    sha256: str


def write(path: Path, files: Mapping[str, bytes]) -> Archive:
    """
    Write files by name into a zip, sorted, with the same date and mode.

    The zip is replaced atomically: readers never see a part of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    with zipfile.ZipFile(unfinished, "w") as archive:
        for name in sorted(files):
            archive.writestr(_entry(name), files[name], zipfile.ZIP_DEFLATED, _LEVEL)
    unfinished.replace(path)
    content = path.read_bytes()
    return Archive(path, len(files), len(content), hashlib.sha256(content).hexdigest())


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.create_system = _UNIX
    entry.external_attr = _READABLE
    return entry


def files_below(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder by their name in an archive."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
