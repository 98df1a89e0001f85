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
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from cli.stage_file import SCHEMA
from deploy.dependencies import DependenciesError
from deploy.inputs import SAMPLE, Inputs
from deploy.package import BUILD, ROOT, ZIP, PackageError, build_zip, write_template
from deploy.parameters import STAGE, marks, parametrized, topics
from lib.models import Json
from lib.models.program import VERSION

WITH_LINKS: Final = "template.json"
WITHOUT_LINKS: Final = "template-without-links.json"
SUMS: Final = "SHA256SUMS"
EMPTY: Final[Json] = MappingProxyType({"version": 1, "destinations": {}, "routes": []})
"""The configuration in the zip. State is kept from the first event on; nobody is notified."""
_REGIONS: Final = MappingProxyType({WITH_LINKS: "eu-central-1", WITHOUT_LINKS: "eu-central-2"})
"""A region for each template. eu-central-2 has no function URLs."""


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
    build = BUILD / STAGE
    build_zip(dict(EMPTY), build / ZIP)
    shutil.copyfile(build / ZIP, folder / ZIP)
    schema = json.loads((ROOT / "schemas" / SCHEMA).read_text("utf-8"))
    for name, region in _REGIONS.items():
        template = _template(build, region)
        release = parametrized(template, schema, version=VERSION, links=name == WITH_LINKS)
        (folder / name).write_text(json.dumps(release, indent=1) + "\n", "utf-8")
    names = (ZIP, WITH_LINKS, WITHOUT_LINKS)
    sums = (f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}" for name in names)
    (folder / SUMS).write_text("".join(f"{line}\n" for line in sums), "utf-8")


def _template(build: Path, region: str) -> Json:
    """Return the template that osls makes of serverless.yml with marks for values."""
    deployed: Json = {"topicArns": topics(), "deployed": {}}
    (build / "deployment.json").write_text(json.dumps(deployed), "utf-8")
    (build / "parameters.json").write_text(json.dumps(marks()), "utf-8")
    path = write_template(Inputs(STAGE, region, SAMPLE), build)
    template: Json = json.loads(path.read_text("utf-8"))
    return template


if __name__ == "__main__":
    sys.exit(main())
