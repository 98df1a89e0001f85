"""
`make package`: builds one zip from alerts.yml, code and dependencies, and the template for it.

    .build/code.zip                     the zip without alerts.json, kept until the code changes
    .build/STAGE/ecr-scan-alerts.zip    all functions, with alerts.json
    .build/STAGE/template.json          the template for CloudFormation, as a release has it
    .build/STAGE/parameters.json        the values of its parameters, but for the place of the zip

Needs no credentials and calls nothing of AWS. The same input gives the same zip.
"""

import argparse
import hashlib
import json
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from cli.alerts_file import AlertsFile, check_file, read, render_problems
from cli.stage_file import ROOT, shown, with_defaults
from deploy.archive import Archive, comment_of, files_below, packed, store
from deploy.bytecode import RUNTIME, Compiler, find_compiler
from deploy.dependencies import KEPT, LOCK, DependenciesError, prepared
from deploy.inputs import Inputs, add_arguments, command_line, inputs_of
from deploy.osls import BUILD, PackageError, template_text
from deploy.values import has_links, template_values, too_long
from lib.errors import ConfigError
from lib.models import Json

CODE: Final = BUILD / "code.zip"
"""The zip without a configuration."""
ZIP: Final = "ecr-scan-alerts.zip"
TEMPLATE: Final = "template.json"
VALUES: Final = "parameters.json"
_CODE: Final = (
    "handlers/**/*.py",
    "lib/**/*.py",
    "lib/page/*.css",
    "lib/page/*.js",
    "schemas/**/*.json",
    "LICENSE",
)
LONGEST_STAGE: Final = 29
"""The longest resource name leaves this many characters; a test compares with the template."""
_STAGE: Final = re.compile(rf"[A-Za-z][A-Za-z0-9-]{{0,{LONGEST_STAGE - 1}}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Package:
    """A built package: the zip, the template and the values of its parameters."""

    archive: Archive
    template: Path
    values: Mapping[str, str]
    """Without the place of the zip."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the package and print sizes. Exit code 1: not built; the reason is printed."""
    parser = argparse.ArgumentParser(prog="python -m deploy.package", description=__doc__)
    add_arguments(parser)
    try:
        inputs = inputs_of(command_line(parser.parse_args(arguments)))
        package(inputs, today=datetime.now(UTC).date())
    except (PackageError, DependenciesError, ConfigError) as error:
        print(f"Not packaged. {error}", file=sys.stderr)
        return 1
    return 0


def package(inputs: Inputs, *, today: date, config: AlertsFile | None = None) -> Package:
    """
    Write the zip, the template and the values of its parameters for a stage.

    `config` is the configuration if it was checked before. Raises `ConfigError` for an invalid one:
    only valid configurations are deployed. Raises `PackageError` for values that are too long.
    """
    check_stage(inputs.stage)
    document = (config or checked(inputs, today=today)).document
    links = has_links(inputs.parameters, inputs.region)
    values = template_values(inputs.stage, inputs.parameters, topics=_topics(document), links=links)
    problem = too_long(values)
    if problem:
        raise PackageError(problem)
    folder = BUILD / inputs.stage
    archive = build_zip(document, folder / ZIP)
    _say(f"{shown(archive.path)}  {archive.size / 1e6:.2f} MB, {archive.files} files")
    if not links:
        _say(links_left_out(inputs))
    template = folder / TEMPLATE
    template.write_text(template_text(links=links), "utf-8")
    (folder / VALUES).write_text(json.dumps(values, indent=2) + "\n", "utf-8")
    _say(shown(template))
    return Package(archive, template, values)


def links_left_out(inputs: Inputs) -> str:
    """Return a line about why messages have no links to reports."""
    off = with_defaults(inputs.parameters)["reportLinkDays"] == 0
    reason = "reportLinkDays is 0" if off else "Lambda has no function URLs in this region"
    return f"report links  left out: {reason}; messages name the command that makes a page"


def _topics(document: Json) -> set[str]:
    return {
        entry["topic_arn"] for entry in document["destinations"].values() if entry["type"] == "sns"
    }


def check_stage(stage: str) -> None:
    """Raise `PackageError` for a stage name that is not allowed in resource names."""
    if not _STAGE.fullmatch(stage):
        raise PackageError(
            f"STAGE must be letters, digits and hyphens, at most {LONGEST_STAGE}, a letter first"
        )


def build_zip(document: Json, path: Path, *, kept: Path = KEPT, code: Path = CODE) -> Archive:
    """
    Write the zip of all functions, with a checked configuration.

    What is the same for every configuration is kept in `code` until it changes: to compile and to
    compress takes most of the time.
    """
    compiler = find_compiler()
    if compiler is None:
        _say("bytecode      skipped: no Python {}.{} here; cold starts are slower".format(*RUNTIME))
    else:
        _say(f"bytecode      of Python {compiler.version}")
    dependencies = prepared(LOCK, kept=kept, compiler=compiler, say=_say)
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    base = _code(dependencies, compiler, code)
    return store(path, packed({"alerts.json": text.encode()}, base=base))


def _code(dependencies: Path, compiler: Compiler | None, code: Path) -> bytes:
    """Return a zip of the code and its dependencies: the kept one, or a new one, which is kept."""
    sources = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for pattern in _CODE
        for path in ROOT.glob(pattern)
    }
    key = code_key(sources, dependencies)
    if code.exists() and comment_of(content := code.read_bytes()) == key:
        return content
    content = packed(files_below(dependencies) | _compiled(sources, compiler), comment=key)
    store(code, content)
    return content


def code_key(sources: Mapping[str, bytes], dependencies: Path) -> str:
    """Return a hash of all that the code is made of. Dependencies are named by theirs."""
    digest = hashlib.sha256(dependencies.name.encode())
    makers = {path.name: path.read_bytes() for path in Path(__file__).parent.glob("*.py")}
    for name, content in sorted({**sources, **makers}.items()):
        digest.update(f"{name} {len(content)} ".encode() + content)
    return digest.hexdigest()


def _compiled(sources: Mapping[str, bytes], compiler: Compiler | None) -> dict[str, bytes]:
    """Return the project's own files, with bytecode if there is a compiler."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, content in sources.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        if compiler is not None:
            compiler.compile(folder)
        return files_below(folder)


def checked(inputs: Inputs, *, today: date) -> AlertsFile:
    """Read the configuration and print its problems. Raises `ConfigError` if it has errors."""
    path, hosts = inputs.config, tuple(inputs.parameters.get("receiverHosts", ()))
    problems = check_file(path, today=today, receiver_hosts=hosts)
    if problems:
        print(render_problems(problems), file=sys.stderr)
    if any(problem.level == "error" for problem in problems):
        raise ConfigError(f"{path} has errors; nothing invalid can be deployed")
    file = read(path)
    _say(f"{shown(path)}  checked: {len(file.document['destinations'])} destinations")
    return file


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
