"""
The files of a release: the zip, both templates with parameters, and their checksums.

    ecr-scan-alerts.zip         all functions; its configuration notifies nobody until one is pushed
    template.json               for regions with function URLs: messages have links to reports
    template-without-links.json for the other regions
    SHA256SUMS

    python -m deploy.release_files FOLDER

Needs no credentials and calls nothing of AWS. The same input gives the same files.
"""

import argparse
import hashlib
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from deploy.dependencies import DependenciesError
from deploy.osls import BUILD, WITH_LINKS, WITHOUT_LINKS, PackageError, template_text
from deploy.package import ZIP, build_zip
from lib.models import Json

SUMS: Final = "SHA256SUMS"
EMPTY: Final[Json] = MappingProxyType({"version": 1, "destinations": {}, "routes": []})
"""The configuration in the zip. State is kept from the first event on; nobody is notified."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files of a release. Exit code 1: not written; the reason is printed."""
    parser = argparse.ArgumentParser(prog="python -m deploy.release_files", description=__doc__)
    parser.add_argument("folder", type=Path)
    try:
        write_release(parser.parse_args(arguments).folder)
    except (PackageError, DependenciesError, ValueError) as error:
        print(f"Not written. {error}", file=sys.stderr)
        return 1
    return 0


def write_release(folder: Path) -> None:
    """Write the files of a release. Raises `PackageError`, `DependenciesError`, `ValueError`."""
    folder.mkdir(parents=True, exist_ok=True)
    build = BUILD / "release-zip"
    build_zip(dict(EMPTY), build / ZIP)
    shutil.copyfile(build / ZIP, folder / ZIP)
    for name in (WITH_LINKS, WITHOUT_LINKS):
        (folder / name).write_text(template_text(links=name == WITH_LINKS), "utf-8")
    names = (ZIP, WITH_LINKS, WITHOUT_LINKS)
    sums = (f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}" for name in names)
    (folder / SUMS).write_text("".join(f"{line}\n" for line in sums), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
