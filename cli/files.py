"""Files written whole or not at all, and changed by one command at a time."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.terminal import remark
from lib.errors import DocumentError


def write_whole(path: Path, text: str) -> None:
    """
    Write a file as a whole or not at all, with the permissions that it had.

    A device or a pipe is written to. Raises `DocumentError` for a folder that is not there, and
    `OSError` with the name that was given.
    """
    # Where the name is a link, the file behind it is meant.
    target = path.resolve()
    if target.is_dir():
        raise DocumentError(f"{path} is a folder; name a file in it")
    if not target.parent.is_dir():
        raise DocumentError(f"{path} cannot be written: there is no folder {path.parent}")
    try:
        _write(target, text.encode())
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _write(target: Path, content: bytes) -> None:
    if target.exists() and not target.is_file():
        target.write_bytes(content)
        return
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            file.write(content)
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """
    Keep other commands from changing a file meanwhile; wait for one that does.

    Its folder is locked, as the file itself is replaced. Where locks are not supported (some
    network file systems) there is none; `SuppressionsFile.write` notices a change all the same.
    """
    folder = path.resolve().parent
    if not folder.is_dir():
        # Reading the file says so.
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        remark(f"another command is changing {path}: waiting until it is done (Ctrl-C stops)")
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:
        remark(f"{path.parent} cannot be locked: do not change {path} by two commands at once")
