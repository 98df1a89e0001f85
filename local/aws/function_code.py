"""
The code of functions, unpacked once for all their workers, and compiled once for all processes.

Used by `local.aws.cloud` only, with private names of ministack as there. Ministack unpacks the zip
of a function for each of its workers, and each compiles every module again. Here workers of the
same zip share a folder, as Lambda's share a read-only one. The bytecode is kept in `.build`, by the
modules that it is of, because a zip differs with its alerts.yml.
"""

import compileall
import os
import shutil
import sys
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from py_compile import PycInvalidationMode
from tempfile import mkdtemp
from threading import Lock
from types import ModuleType, SimpleNamespace
from typing import Any, Final

BYTECODE: Final = Path(__file__).parents[2] / ".build" / "function-bytecode"
"""A folder for each set of modules."""
FEWEST: Final = 100
"""Modules of a zip whose bytecode is kept."""
KEPT: Final = 3
"""Sets of modules that are kept: a checkout has one at a time."""
NAME_LENGTH: Final = 16
"""Characters of the name of a complete folder. Others have fewer."""
_LOCK: Final = Lock()


class SharedArchive(zipfile.ZipFile):
    """A zip that is unpacked where it was unpacked before; the path becomes a link to that."""

    def extractall(
        self,
        path: str | os.PathLike[str] | None = None,
        members: Iterable[str | zipfile.ZipInfo] | None = None,
        pwd: bytes | None = None,
    ) -> None:
        """Link an empty folder to the unpacked files. See `ZipFile.extractall`."""
        target, archive = Path(path or "."), Path(str(self.filename))
        shared = archive.parents[1] / f"code-{sha256(archive.read_bytes()).hexdigest()}"
        with _LOCK:
            if not shared.exists():
                # Under its name only when it is complete.
                unpacked = mkdtemp(dir=shared.parent)
                super().extractall(unpacked, members, pwd)
                add_bytecode(Path(unpacked), self.infolist())
                Path(unpacked).rename(shared)
        target.rmdir()
        target.symlink_to(shared)


def add_bytecode(code: Path, entries: Iterable[zipfile.ZipInfo], *, kept: Path = BYTECODE) -> None:
    """Put bytecode beside the modules of a large zip: the kept one, or a new one, which is kept."""
    modules = sorted((entry for entry in entries if entry.filename.endswith(".py")), key=_name)
    if len(modules) < FEWEST:
        return
    key = sha256(sys.implementation.cache_tag.encode())
    for module in modules:
        key.update(f"{module.filename} {module.CRC} {module.file_size}\n".encode())
    folder = kept / key.hexdigest()[:NAME_LENGTH]
    if not folder.exists():
        _keep(code, folder)
    # Another process may remove an old folder; what is missing is compiled when it is imported.
    with suppress(OSError):
        _copy(folder, code, "*.pyc")


def _keep(code: Path, folder: Path) -> None:
    """Compile all modules; other processes may do the same. Python corrects paths in tracebacks."""
    mode = PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(code, quiet=2, maxlevels=20, invalidation_mode=mode)
    folder.parent.mkdir(parents=True, exist_ok=True)
    complete = [path for path in folder.parent.iterdir() if len(path.name) == NAME_LENGTH]
    for old in sorted(complete, key=lambda path: path.stat().st_mtime)[: 1 - KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    unfinished = Path(mkdtemp(dir=folder.parent))
    _copy(code, unfinished, f"*.{sys.implementation.cache_tag}.pyc")
    with suppress(OSError):
        unfinished.rename(folder)
    shutil.rmtree(unfinished, ignore_errors=True)


def _copy(source: Path, target: Path, pattern: str) -> None:
    for path in source.rglob(pattern):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def _name(entry: zipfile.ZipInfo) -> str:
    return entry.filename


def install(runtime: ModuleType) -> None:
    """Share code and bytecode between the workers that a module, ministack's, starts."""
    workers: Any = runtime
    workers.zipfile = SimpleNamespace(
        ZipFile=SharedArchive,
        BadZipFile=zipfile.BadZipFile,
        LargeFileError=zipfile.LargeZipFile,
    )
    # Workers inherit the environment; this process has read the variable already.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
