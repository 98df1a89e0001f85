"""
The address of the repository, in each file that states it: program, schemas, site, pages.

    python -m deploy.address OWNER/NAME

The release workflow runs it with the repository that it runs in, before it commits a release.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from cli.stage_file import ROOT

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+", re.ASCII)
_STATED: Final = re.compile(r'^_SLUG: Final = "(?P<name>[^"]+)"$', re.MULTILINE)
_PROGRAM: Final = Path("lib", "models", "program.py")


def main(arguments: Sequence[str] | None = None, *, root: Path = ROOT) -> int:
    """Write the address into each file. Exit code 1: nothing is written; the reason is printed."""
    parser = argparse.ArgumentParser(prog="python -m deploy.address", description=__doc__)
    parser.add_argument("repository", metavar="OWNER/NAME")
    name = parser.parse_args(arguments).repository
    program = root / _PROGRAM
    stated = _STATED.search(program.read_text("utf-8"))
    if stated is None or not _NAME.fullmatch(name):
        problem = f"{_PROGRAM} names no repository" if stated is None else f"{name!r} is none"
        print(f"Not written. {problem}", file=sys.stderr)
        return 1
    program.write_text(
        program.read_text("utf-8").replace(stated[0], stated[0].replace(stated["name"], name)),
        "utf-8",
    )
    for path in _files(root):
        text = path.read_text("utf-8")
        for host in ("https://github.com/", "https://raw.githubusercontent.com/"):
            text = re.sub(rf'{host}{re.escape(stated["name"])}(?=["/])', f"{host}{name}", text)
        path.write_text(text, "utf-8")
    return 0


def _files(root: Path) -> Iterator[Path]:
    """Yield each file that may state the address, beside the program."""
    yield from (root / "mkdocs.yml", root / "README.md")
    yield from sorted((root / "schemas").rglob("*.json"))
    yield from sorted((root / "docs").rglob("*.md"))
    # A document for programs names its schema by that address.
    golden = root / "tests" / "notifiers" / "golden"
    yield from sorted([*golden.glob("webhook/*.json"), *golden.glob("*/webhook.json")])


if __name__ == "__main__":
    sys.exit(main())
