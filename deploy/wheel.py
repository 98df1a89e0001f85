"""
The wheel: what `pipx install` installs, one package `ecr_scan_alerts` with a console script.

The folders of the repository become its sub-packages, so `from lib.x import y` is built as
`from ecr_scan_alerts.lib.x import y`. No other text of a module changes: lines keep their numbers.
Hatchling runs the two hooks here by itself; pyproject.toml names this file.
https://hatch.pypa.io/latest/plugins/build-hook/custom/
"""

import ast
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

PACKAGE: Final = "ecr_scan_alerts"
CODE: Final = ("cli", "lib")
"""Folders whose modules are rewritten."""
DATA: Final = ("schemas",)
REQUIREMENTS: Final = ("runtime.in", "operator.in")
_IMPORT: Final = re.compile(rb"(from|import)\s+(?=(?:%s)\b)" % "|".join(CODE).encode())
_GENERATED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "__init__.py": '"""Amazon ECR scan findings as alerts people act on."""\n',
        "__main__.py": (
            f'"""`python -m {PACKAGE}` is the command `ecr-scan-alerts`."""\n\n'
            f"import sys\n\nfrom {PACKAGE}.cli.__main__ import main\n\n"
            'if __name__ == "__main__":\n    sys.exit(main())\n'
        ),
    }
)


class RewriteError(Exception):
    """A module that cannot be moved into the package. The text names its place."""


def rewritten(source: bytes, name: str, modules: Collection[str] = ()) -> bytes:
    """
    Return a module with its imports of `CODE` below `PACKAGE`.

    `name`: the file, for errors. Raises `RewriteError` for `import lib.x` without `as`, which binds
    `lib`, and for a text that is the name of one of `modules`, which an import may use later.
    """
    lines = source.splitlines(keepends=True)
    for node in _last_first(ast.parse(source, filename=name), modules):
        line, column = node.lineno - 1, node.col_offset
        if isinstance(node, ast.Constant):
            raise RewriteError(
                f"{name}:{node.lineno}: {node.value!r} names a module of this project"
            )
        if isinstance(node, ast.Import) and (len(node.names) > 1 or not node.names[0].asname):
            raise RewriteError(f"{name}:{node.lineno}: write `from … import …` instead")
        head, tail = lines[line][:column], lines[line][column:]
        keyword = _IMPORT.match(tail)
        if keyword is None:
            raise RewriteError(f"{name}:{node.lineno}: this import cannot be read")
        lines[line] = head + keyword[0] + f"{PACKAGE}.".encode() + tail[keyword.end() :]
    return b"".join(lines)


def _last_first(
    tree: ast.Module, modules: Collection[str]
) -> list[ast.ImportFrom | ast.Import | ast.Constant]:
    """Return what names a module of ours, from the end, so that places before it stay true."""
    return sorted(
        _ours(tree, modules), key=lambda node: (node.lineno, node.col_offset), reverse=True
    )


def _ours(
    tree: ast.Module, modules: Collection[str]
) -> Iterator[ast.ImportFrom | ast.Import | ast.Constant]:
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), level=0) if _root(module) in CODE:
                yield node
            case ast.Import(names=names) if any(_root(alias.name) in CODE for alias in names):
                yield node
            case ast.Constant(value=str(text)) if text in modules:
                yield node


def _root(module: str) -> str:
    return module.partition(".")[0]


def package_files(root: Path) -> Iterator[tuple[str, bytes]]:
    """Yield each file of the package, by its path in it. Raises `RewriteError`."""
    for name, text in _GENERATED.items():
        yield name, text.encode()
    files = {
        path.relative_to(root).as_posix(): path
        for folder in (*CODE, *DATA)
        for path in sorted((root / folder).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    modules = {name.removesuffix(".py").replace("/", ".") for name in files if name.endswith(".py")}
    for name, path in files.items():
        content = path.read_bytes()
        yield name, rewritten(content, name, modules) if name.endswith(".py") else content


def requirements(root: Path) -> list[str]:
    """Return what the command needs, in the versions that the repository names."""
    return [
        line.strip()
        for name in REQUIREMENTS
        for line in (root / "requirements" / name).read_text("utf-8").splitlines()
        if line.strip() and not line.startswith(("#", "-r "))
    ]


class PackageHook(BuildHookInterface[Any]):
    """Hatchling's step before a wheel: writes the package to a folder, and names its files."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files. Raises `RewriteError` for `pip install -e`, which has no copy."""
        if version == "editable":
            raise RewriteError("the repository is used by ./ecr-scan-alerts; it needs no -e")
        self._folder = Path(tempfile.mkdtemp(prefix=f"{PACKAGE}-"))
        for name, content in package_files(Path(self.root)):
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            build_data["force_include"][str(path)] = f"{PACKAGE}/{name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002  # hatchling's signature
        """Remove the folder."""
        shutil.rmtree(self._folder)


class RequirementsHook(MetadataHookInterface):
    """Hatchling's step for metadata: the requirements of the command."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in the dependencies."""
        metadata["dependencies"] = requirements(Path(self.root))
