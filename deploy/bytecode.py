"""
Bytecode for the Python of the Lambda runtime, if that Python is installed here.

Without bytecode, Lambda compiles the package at each cold start, which doubles its time, because it
cannot write beside the code. Other versions of Python ignore the bytecode.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

RUNTIME: Final = (3, 13)
"""Lambda's python3.13, as `runtime` in serverless.yml. A test compares."""
_TASK_ROOT: Final = "/var/task"
"""The path of the code in Lambda, for tracebacks."""
_ASK: Final = "import platform as p; print(p.python_implementation(), p.python_version())"


@dataclass(frozen=True, slots=True)
class Compiler:
    """A Python interpreter of the runtime's version."""

    path: Path
    version: str

    def compile(self, folder: Path) -> None:
        """
        Write bytecode beside every module of a folder.

        It is never compared with the source: both are packaged together, with one date for all.
        """
        command = [str(self.path), "-m", "compileall", "-q"]
        command += ["--invalidation-mode", "unchecked-hash"]
        subprocess.run(
            [*command, "-s", str(folder), "-p", _TASK_ROOT, str(folder)],
            check=True,
            # Constant sets are written in the order of their hashes.
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )


def find_compiler() -> Compiler | None:
    """Return this Python, the one on the path, or pyenv's newest; None if there is none."""
    for path in _candidates():
        version = _version(path)
        if version is not None:
            return Compiler(path, version)
    return None


def _candidates() -> Iterator[Path]:
    name = "python{}.{}".format(*RUNTIME)
    if sys.version_info[:2] == RUNTIME:
        yield Path(sys.executable)
    if path := shutil.which(name):
        yield Path(path)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    releases = pyenv.glob("versions/{}.{}.*".format(*RUNTIME))
    for release in sorted(releases, key=_number, reverse=True):
        yield release / "bin" / name


def _number(release: Path) -> int:
    last = release.name.rpartition(".")[2]
    return int(last) if last.isdigit() else -1


def _version(python: Path) -> str | None:
    """Return the version of a Python; None for another version and for one that does not start."""
    try:
        answer = subprocess.run(
            [python, "-c", _ASK], capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    implementation, _, version = answer.stdout.strip().partition(" ")
    prefix = "{}.{}.".format(*RUNTIME)
    return version if implementation == "CPython" and version.startswith(prefix) else None
