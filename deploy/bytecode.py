"""
Bytecode for the Lambda runtime's Python, where that Python is at hand.

A package without it is compiled at each cold start, which doubles its time: nothing can be written
beside the code in Lambda. Other Pythons ignore it.
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
"""Lambda's python3.13; the same as `runtime` in serverless.yml."""
_TASK_ROOT: Final = "/var/task"
"""Where the code lies in Lambda, so that tracebacks name the right files."""
_ASK: Final = "import platform as p; print(p.python_implementation(), p.python_version())"


@dataclass(frozen=True, slots=True)
class Compiler:
    """A Python of the runtime's version."""

    path: Path
    version: str

    def compile(self, folder: Path) -> None:
        """
        Put bytecode beside every module of a folder.

        It is never compared with the source: the two ship together, with one date for all files.
        """
        command = [str(self.path), "-m", "compileall", "-q"]
        command += ["--invalidation-mode", "unchecked-hash"]
        subprocess.run(
            [*command, "-s", str(folder), "-p", _TASK_ROOT, str(folder)],
            check=True,
            # Sets in constants are written in the order of their hashes.
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )


def find_compiler() -> Compiler | None:
    """Return this Python, the one on the path, or pyenv's newest; None: there is none."""
    for path in _candidates():
        version = _version(path)
        if version is not None:
            return Compiler(path, version)
    return None


def _candidates() -> Iterator[Path]:
    name = "python{}.{}".format(*RUNTIME)
    if sys.version_info[:2] == RUNTIME:
        yield Path(sys.executable)
    if found := shutil.which(name):
        yield Path(found)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    releases = pyenv.glob("versions/{}.{}.*".format(*RUNTIME))
    for release in sorted(releases, key=_number, reverse=True):
        yield release / "bin" / name


def _number(release: Path) -> int:
    last = release.name.rpartition(".")[2]
    return int(last) if last.isdigit() else -1


def _version(python: Path) -> str | None:
    """Return the version of a Python; None: of another one, or one that does not start."""
    try:
        answer = subprocess.run(
            [python, "-c", _ASK], capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    implementation, _, version = answer.stdout.strip().partition(" ")
    wanted = "{}.{}.".format(*RUNTIME)
    return version if implementation == "CPython" and version.startswith(wanted) else None
