"""
The locked requirements: fetched for each target, merged, pruned, compiled, cached.

Compiled modules have Python version and processor in their file names. Builds for both processors
of Lambda and for this machine can therefore share a folder, and each Python loads its own: the
tested bytes are the deployed bytes.

As a program, this module fetches them before packaging. It needs only pip.
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
"""Wheels that Amazon Linux 2023 can load: its C library is 2.34."""
_IDLE_FOLDERS: Final = frozenset({"tests", "test", "__pycache__"})
_IDLE_PARTS: Final = (
    # HTTP interfaces, with a documentation page in JavaScript.
    ("aws_lambda_powertools", "event_handler"),
    ("aws_lambda_powertools", "utilities", "auth_alpha"),
    # Needs pydantic, which is not locked.
    ("aws_lambda_powertools", "utilities", "parser"),
    *(
        ("aws_lambda_powertools", "utilities", name)
        for name in (
            "batch",
            "circuit_breaker",
            "data_classes",
            "data_masking",
            "feature_flags",
            "idempotency",
            "kafka",
            "streaming",
            "validation",
        )
    ),
)
"""Large parts of libraries that no function imports. A test imports each function without them."""
_IDLE_SUFFIXES: Final = frozenset({".pyi", ".c", ".h", ".pyx", ".pxd"})
_IDLE_METADATA: Final = frozenset(
    {"RECORD", "WHEEL", "INSTALLER", "REQUESTED", "direct_url.json", "entry_points.txt", "sboms"}
)
"""Metadata about a build or a pip installation. METADATA and licences stay."""

Say = Callable[[str], None]


class DependenciesError(Exception):
    """The requirements cannot be fetched or merged. The text names the reason."""


@dataclass(frozen=True, slots=True)
class Target:
    """A Python version and processor of the package; `native` is this machine."""

    name: str
    flags: tuple[str, ...]


def targets() -> tuple[Target, ...]:
    """Return Lambda's processors, and this machine if it differs."""
    lambdas = tuple(map(_lambda_target, ("aarch64", "x86_64")))
    native = Target(
        f"cp{sys.version_info[0]}{sys.version_info[1]}-{platform.machine()}-{sys.platform}", ()
    )
    is_lambda = sys.version_info[:2] == RUNTIME and platform.libc_ver()[0] == "glibc"
    if is_lambda and platform.machine() in {"aarch64", "x86_64"}:
        return lambdas
    return (*lambdas, native)


def _lambda_target(machine: str) -> Target:
    platforms = [f"--platform=manylinux{glibc}_{machine}" for glibc in _GLIBC]
    version = "{}.{}".format(*RUNTIME)
    return Target(
        "cp{}{}-{}".format(*RUNTIME, machine),
        (*platforms, "--implementation=cp", f"--python-version={version}"),
    )


def prepared(lock: Path, *, kept: Path, compiler: Compiler | None, say: Say) -> Path:
    """
    Return a folder with all locked requirements, ready to be zipped.

    The folder is cached until lock, targets or compiler change. Raises `DependenciesError`.
    """
    wanted_targets = targets()
    folder = kept / _key(lock, wanted_targets, compiler)
    names = ", ".join(target.name for target in wanted_targets)
    if folder.is_dir():
        say(f"dependencies  for {names} (kept from before)")
        return folder
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept) as scratch:
        merged = Path(scratch) / "merged"
        say(f"dependencies  fetching for {names}")
        for fetched in _fetch_all(lock, wanted_targets, Path(scratch)):
            merge(fetched, merged)
        if compiler is not None:
            compiler.compile(merged)
        _keep(merged, folder)
    return folder


def _key(lock: Path, wanted_targets: Iterable[Target], compiler: Compiler | None) -> str:
    # This module is part of the key, because its treatment of the files may change.
    parts = [lock.read_text(encoding="utf-8"), Path(__file__).read_text(encoding="utf-8")]
    parts += [f"{target.name} {target.flags}" for target in wanted_targets]
    parts.append(compiler.version if compiler else "no bytecode")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _fetch_all(lock: Path, wanted_targets: Sequence[Target], folder: Path) -> list[Path]:
    """Fetch for all targets in parallel, because most of the time is waiting."""
    folders = [folder / target.name for target in wanted_targets]
    with ThreadPoolExecutor(len(wanted_targets)) as threads:
        # The list raises the first failure here.
        list(threads.map(_fetch, [lock] * len(wanted_targets), wanted_targets, folders))
    return folders


def _fetch(lock: Path, target: Target, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--no-deps", "--no-compile", "--only-binary=:all:"]
    command += ["--require-hashes", f"--requirement={lock}", f"--target={folder}", *target.flags]
    # On success, pip warns about packages of this environment, which are unrelated.
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        reason = _last_lines(answer.stderr)
        raise DependenciesError(f"pip could not fetch {lock.name} for {target.name}:\n{reason}")


def _last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-5:])


def merge(source: Path, merged: Path) -> None:
    """Move the files of a target into the merged folder. Equal names must have equal content."""
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source)
        if not path.is_file() or _is_idle(relative.parts):
            continue
        target = merged / relative
        if target.exists():
            if target.read_bytes() != path.read_bytes():
                raise DependenciesError(f"{relative} differs between targets: it cannot be merged")
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, target)


def _is_idle(parts: Sequence[str]) -> bool:
    """Whether a file is unused at run time. Licences stay."""
    if len(parts) > 1 and parts[0] == "bin":
        return True
    if parts[0].endswith(".dist-info"):
        return parts[1] in _IDLE_METADATA
    if any(tuple(parts[: len(idle_part)]) == idle_part for idle_part in _IDLE_PARTS):
        return True
    return bool(_IDLE_FOLDERS.intersection(parts[:-1])) or Path(parts[-1]).suffix in _IDLE_SUFFIXES


def _keep(merged: Path, folder: Path) -> None:
    try:
        merged.rename(folder)
    except OSError:
        # Another packaging was faster. Its folder has the same key, so the same content.
        if not folder.is_dir():
            raise


def main() -> int:
    """Fetch missing dependencies. Exit code 1: not fetched; the reason is printed."""
    try:
        prepared(LOCK, kept=KEPT, compiler=find_compiler(), say=print)
    except DependenciesError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
