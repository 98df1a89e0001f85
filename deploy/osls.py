"""
The templates of the program, which osls makes of serverless.yml: with and without links.

Releases, `make deploy` and `make demo` use the same ones. They have parameters for all values, so
they differ neither by stage nor by account. Each is made once for the same sources:

    .build/templates/HASH-template.json

Calls nothing of AWS.
"""

import fcntl
import hashlib
import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cli.stage_file import ROOT, SCHEMA
from deploy.parameters import STAGE, marks, parametrized
from lib.models import Json
from lib.models.program import VERSION

BUILD: Final = ROOT / ".build"
WITH_LINKS: Final = "template.json"
WITHOUT_LINKS: Final = "template-without-links.json"
_LINKS: Final = ROOT / "deploy" / "template" / "report-links.yml"
_OSLS: Final = ROOT / "node_modules" / ".bin" / "osls"
_OUTPUT: Final = "cloudformation-template-update-stack.json"
SOURCES: Final = (
    "serverless.yml",
    "deploy/template/*.yml",
    "deploy/osls.py",
    "deploy/parameters.py",
    f"schemas/{SCHEMA}",
    "package-lock.json",
)


class PackageError(Exception):
    """The package cannot be built. The text names the remedy."""


def template_text(*, links: bool) -> str:
    """Return a template as JSON. Raises `PackageError`, and `ValueError` if a mark is left."""
    name = WITH_LINKS if links else WITHOUT_LINKS
    path = BUILD / "templates" / f"{fingerprint()}-{name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(BUILD / "osls.lock"):
        if not path.exists():
            unfinished = path.with_suffix(".part")
            unfinished.write_text(_made(links=links), "utf-8")
            unfinished.replace(path)
    return path.read_text("utf-8")


def regions_without_links() -> frozenset[str]:
    """Return the regions that have no function URLs, as the template lists them."""
    return frozenset(
        re.findall(r"^  ([a-z]{2}-[a-z-]+-\d): absent$", _LINKS.read_text("utf-8"), re.MULTILINE)
    )


def fingerprint() -> str:
    """Return a hash of everything that the templates are made of."""
    digest = hashlib.sha256(VERSION.encode())
    for path in (path for pattern in SOURCES for path in sorted(ROOT.glob(pattern))):
        digest.update(f"\n{path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _made(*, links: bool) -> str:
    """Have osls make the template, and put parameters in the place of its marks."""
    template = json.loads(_osls(marks(links=links)))
    schema = json.loads((ROOT / "schemas" / SCHEMA).read_text("utf-8"))
    release = parametrized(template, schema, version=VERSION, links=links)
    return json.dumps(release, indent=1) + "\n"


def _osls(values: dict[str, Json]) -> str:
    """Return the output of osls for values of the parameters. Raises `PackageError`."""
    if not _OSLS.exists():
        raise PackageError("osls is not installed; `make package` does that")
    folder = BUILD / "osls"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "parameters.json").write_text(json.dumps(values, indent=2) + "\n", "utf-8")
    # osls looks for the zip, and never reads it.
    (folder / "ecr-scan-alerts.zip").touch()
    # osls empties its package folder, so it gets a folder of its own.
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        command = [str(_OSLS), "package", "--stage", STAGE, "--package", scratch]
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if answer.returncode:
            output = "\n".join(filter(None, (answer.stderr.strip(), answer.stdout.strip())))
            raise PackageError(
                f"osls could not make the template (exit code {answer.returncode}):\n{output}"
            )
        return (Path(scratch) / _OUTPUT).read_text("utf-8")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock against other processes of this checkout: osls keeps files in its folder."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
