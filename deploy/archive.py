"""Zip archives whose bytes depend only on their content."""

import hashlib
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
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
    return store(path, packed(files))


def packed(files: Mapping[str, bytes], *, base: bytes = b"", comment: str = "") -> bytes:
    """Return a zip of files by name, sorted, after those of the zip `base`, with a comment."""
    buffer = BytesIO(base)
    with zipfile.ZipFile(buffer, "a" if base else "w") as archive:
        archive.comment = comment.encode()
        for name in sorted(files):
            archive.writestr(_entry(name), files[name], zipfile.ZIP_DEFLATED, _LEVEL)
    return buffer.getvalue()


def comment_of(content: bytes) -> str:
    """Return the comment of a zip."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        return archive.comment.decode()


def store(path: Path, content: bytes) -> Archive:
    """Write a zip atomically: readers never see a part of it, nor two writers each other's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.part")
    unfinished.write_bytes(content)
    unfinished.replace(path)
    with zipfile.ZipFile(path) as archive:
        count = len(archive.infolist())
    return Archive(path, count, len(content), hashlib.sha256(content).hexdigest())


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
