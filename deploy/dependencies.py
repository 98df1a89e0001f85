"""
The locked requirements as files: fetched for each target, merged, pruned, compiled, kept.

Compiled modules carry Python and processor in their file names, so the builds for Lambda's two
processors and for this machine lie side by side and each Python loads its own: the bytes that were
tested are the bytes that ship.

Run as a program it fetches them ahead of the packaging; that needs pip and nothing else.
"""

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.bytecode import RUNTIME, Compiler, find_compiler

_ROOT: Final = Path(__file__).resolve().parents[1]
LOCK: Final = _ROOT / "requirements" / "runtime.txt"
KEPT: Final = _ROOT / ".build" / "dependencies"
_GLIBC: Final = ("2014", "_2_17", "_2_28", "_2_34")
"""Wheels that the runtime's Amazon Linux 2023 can load: its C library is 2.34."""
_IDLE_FOLDERS: Final = frozenset({"tests", "test", "__pycache__"})
_IDLE_PARTS: Final = (
    # Serves HTTP interfaces, with a documentation page in JavaScript.
    ("aws_lambda_powertools", "event_handler"),
    ("aws_lambda_powertools", "utilities", "auth_alpha"),
    # Needs pydantic, which the lock does not name.
    ("aws_lambda_powertools", "utilities", "parser"),
    *(
        ("aws_lambda_powertools", "utilities", name)
        for name in (
            "circuit_breaker",
            "data_masking",
            "feature_flags",
            "idempotency",
            "kafka",
            "streaming",
            "validation",
        )
    ),
)
"""Large parts of libraries that no function imports; tests/deploy imports each without them."""
_IDLE_SUFFIXES: Final = frozenset({".pyi", ".c", ".h", ".pyx", ".pxd"})
_IDLE_METADATA: Final = frozenset(
    {"RECORD", "WHEEL", "INSTALLER", "REQUESTED", "direct_url.json", "entry_points.txt", "sboms"}
)
"""Describes one build, or an installation by pip. METADATA and the licences stay."""

Say = Callable[[str], None]


class DependenciesError(Exception):
    """The requirements could not be fetched or merged; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A Python and processor the package runs on. `native`: this machine, as pip sees it."""

    name: str
    flags: tuple[str, ...]


def targets() -> tuple[Target, ...]:
    """Return Lambda's processors, and this machine when it differs."""
    lambdas = tuple(map(_lambda_target, ("aarch64", "x86_64")))
    native = Target(
        f"cp{sys.version_info[0]}{sys.version_info[1]}-{platform.machine()}-{sys.platform}", ()
    )
    is_lambda = sys.version_info[:2] == RUNTIME and platform.libc_ver()[0] == "glibc"
    if is_lambda and platform.machine() in {"aarch64", "x86_64"}:
        return lambdas
    return (*lambdas, native)


def _lambda_target(machine: str) -> Target:
    platforms = [f"--platform=manylinux{each}_{machine}" for each in _GLIBC]
    version = "{}.{}".format(*RUNTIME)
    return Target(
        "cp{}{}-{}".format(*RUNTIME, machine),
        (*platforms, "--implementation=cp", f"--python-version={version}"),
    )


def prepared(lock: Path, *, kept: Path, compiler: Compiler | None, say: Say) -> Path:
    """
    Return a folder with everything the lock names, ready to be zipped.

    The folder is kept and found again as long as lock, targets and compiler stay the same.
    Raises `DependenciesError`.
    """
    wanted = targets()
    folder = kept / _key(lock, wanted, compiler)
    names = ", ".join(each.name for each in wanted)
    if folder.is_dir():
        say(f"dependencies  for {names} (kept from before)")
        return folder
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept) as scratch:
        merged = Path(scratch) / "merged"
        say(f"dependencies  fetching for {names}")
        for fetched in _fetch_all(lock, wanted, Path(scratch)):
            merge(fetched, merged)
        if compiler is not None:
            compiler.compile(merged)
        _keep(merged, folder)
    return folder


def _key(lock: Path, wanted: Iterable[Target], compiler: Compiler | None) -> str:
    # This module is part of it: what it does to the files may change.
    parts = [lock.read_text(encoding="utf-8"), Path(__file__).read_text(encoding="utf-8")]
    parts += [f"{each.name} {each.flags}" for each in wanted]
    parts.append(compiler.version if compiler else "no bytecode")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _fetch_all(lock: Path, wanted: Sequence[Target], folder: Path) -> list[Path]:
    """Fetch for every target at once; most of it is waiting."""
    folders = [folder / each.name for each in wanted]
    with ThreadPoolExecutor(len(wanted)) as threads:
        # A list, so that the first failure is raised here.
        list(threads.map(_fetch, [lock] * len(wanted), wanted, folders))
    return folders


def _fetch(lock: Path, target: Target, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--no-deps", "--no-compile", "--only-binary=:all:"]
    command += ["--require-hashes", f"--requirement={lock}", f"--target={folder}", *target.flags]
    # On success pip warns of this environment's packages, which have nothing to do with it.
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        reason = _last_lines(answer.stderr)
        raise DependenciesError(f"pip could not fetch {lock.name} for {target.name}:\n{reason}")


def _last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-5:])


def merge(source: Path, merged: Path) -> None:
    """Move what runs from one target's files to the others'. The same name is the same content."""
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source)
        if not path.is_file() or _is_idle(relative.parts):
            continue
        there = merged / relative
        if there.exists():
            if there.read_bytes() != path.read_bytes():
                raise DependenciesError(f"{relative} differs between targets: it cannot be merged")
            continue
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, there)


def _is_idle(parts: Sequence[str]) -> bool:
    """Whether a file does nothing at run time. Licences stay."""
    if len(parts) > 1 and parts[0] == "bin":
        return True
    if parts[0].endswith(".dist-info"):
        return parts[1] in _IDLE_METADATA
    if any(tuple(parts[: len(each)]) == each for each in _IDLE_PARTS):
        return True
    return bool(_IDLE_FOLDERS.intersection(parts[:-1])) or Path(parts[-1]).suffix in _IDLE_SUFFIXES


def _keep(merged: Path, folder: Path) -> None:
    try:
        merged.rename(folder)
    except OSError:
        # Another packaging was faster; its folder has the same key and so the same content.
        if not folder.is_dir():
            raise


def main() -> int:
    """Fetch what is missing. Exit code 1: not fetched, and why."""
    try:
        prepared(LOCK, kept=KEPT, compiler=find_compiler(), say=print)
    except DependenciesError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
