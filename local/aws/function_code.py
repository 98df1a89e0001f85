"""
The code of functions, unpacked and compiled once for all their workers.

Used by `local.aws.cloud` only, with private names of ministack as there. Ministack unpacks the zip
of a function for each of its workers, and each compiles every module again. Here workers of the
same zip share a folder, as Lambda's share a read-only one.
"""

import os
import zipfile
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock
from types import ModuleType, SimpleNamespace
from typing import Any, Final

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
                Path(unpacked).rename(shared)
        target.rmdir()
        target.symlink_to(shared)


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
