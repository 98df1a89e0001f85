"""
`make package`: builds one zip from alerts.yml, code and dependencies, and the template for it.

    .build/STAGE/ecr-scan-alerts.zip                            all functions, with alerts.json
    .build/STAGE/deployment.json                                facts about it for serverless.yml
    .build/STAGE/parameters.json                                the parameters of the stage
    .build/STAGE/cloudformation-template-update-stack.json      the template for CloudFormation

Needs no credentials and calls nothing of AWS. The same input gives the same zip.
"""

import argparse
import fcntl
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from cli.alerts_file import AlertsFile, check_file, read, render_problems
from cli.stage_file import shown, with_defaults
from deploy.archive import Archive, files_below, write
from deploy.bytecode import RUNTIME, Compiler, find_compiler
from deploy.dependencies import KEPT, LOCK, DependenciesError, prepared
from deploy.inputs import Inputs, add_arguments, command_line, inputs_of, template_parameters
from lib.config.parsing import config_hash
from lib.errors import ConfigError
from lib.models import Json

ROOT: Final = Path(__file__).resolve().parents[1]
BUILD: Final = ROOT / ".build"
ZIP: Final = "ecr-scan-alerts.zip"
TEMPLATE: Final = "cloudformation-template-update-stack.json"
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
_NO_TOPIC: Final[Json] = {
    "Fn::Sub": "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:no-topic-in-alerts-yml"
}
"""A policy statement needs a resource. This topic does not exist."""


class PackageError(Exception):
    """The package cannot be built. The text names the remedy."""


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


def package(inputs: Inputs, *, today: date, config: AlertsFile | None = None) -> Archive:
    """
    Write zip, deployment.json, parameters.json and template of a stage.

    `config` is the configuration if it was checked before. Raises `ConfigError` for an invalid one:
    only valid configurations are deployed.
    """
    check_stage(inputs.stage)
    document = (config or checked(inputs, today=today)).document
    folder = BUILD / inputs.stage
    archive = build_zip(document, folder / ZIP)
    _say(f"{shown(archive.path)}  {archive.size / 1e6:.2f} MB, {archive.files} files")
    (folder / "deployment.json").write_text(
        json.dumps(_deployment(inputs, document, archive), indent=2) + "\n", encoding="utf-8"
    )
    write_parameters(inputs)
    template = write_template(inputs, folder)
    left_out = links_left_out(json.loads(template.read_text(encoding="utf-8")))
    if left_out is not None:
        _say(left_out)
    _say(shown(template))
    return archive


def links_left_out(template: Json) -> str | None:
    """Return a line about why messages have no links to reports; None if they have links."""
    function = template["Resources"]["DeliverLambdaFunction"]["Properties"]
    variables = function["Environment"]["Variables"]
    if variables["REPORT_LINK_BASE"]:
        return None
    off = variables["REPORT_LINK_DAYS"] == "0"
    reason = "reportLinkDays is 0" if off else "Lambda has no function URLs in this region"
    return f"report links  left out: {reason}; messages name the command that makes a page"


def check_stage(stage: str) -> None:
    """Raise `PackageError` for a stage name that is not allowed in resource names."""
    if not _STAGE.fullmatch(stage):
        raise PackageError(
            f"STAGE must be letters, digits and hyphens, at most {LONGEST_STAGE}, a letter first"
        )


def write_parameters(inputs: Inputs, **overrides: Json) -> None:
    """Write the parameters for serverless.yml. `overrides` replace parameters of the stage."""
    parameters = template_parameters({**inputs.parameters, **overrides})
    path = BUILD / inputs.stage / "parameters.json"
    path.write_text(json.dumps(parameters, indent=2) + "\n", "utf-8")


def build_zip(document: Json, path: Path, *, kept: Path = KEPT) -> Archive:
    """Write the zip of all functions, with a checked configuration."""
    compiler = find_compiler()
    if compiler is None:
        _say("bytecode      skipped: no Python {}.{} here; cold starts are slower".format(*RUNTIME))
    else:
        _say(f"bytecode      of Python {compiler.version}")
    dependencies = prepared(LOCK, kept=kept, compiler=compiler, say=_say)
    return write(path, files_below(dependencies) | _application(document, compiler))


def _application(document: Json, compiler: Compiler | None) -> dict[str, bytes]:
    """Return the project's own files, with bytecode if there is a compiler."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for source in (path for pattern in _CODE for path in ROOT.glob(pattern)):
            target = folder / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        (folder / "alerts.json").write_text(text, encoding="utf-8")
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


def _deployment(inputs: Inputs, document: Json, archive: Archive) -> Json:
    """Return the facts that the template reads, including the hash of the package."""
    topics = {
        entry["topic_arn"] for entry in document["destinations"].values() if entry["type"] == "sns"
    }
    return {
        "topicArns": sorted(topics) or [_NO_TOPIC],
        "config": config_hash(document),
        # Stored in the stack, so that the next deployment can compare.
        "deployed": {
            "config": config_hash(document),
            "parameters": with_defaults(inputs.parameters),
        },
        "sha256": archive.sha256,
        "bytes": archive.size,
    }


def write_template(inputs: Inputs, folder: Path) -> Path:
    """Have osls make the template from serverless.yml. Raises `PackageError`."""
    osls = ROOT / "node_modules" / ".bin" / "osls"
    if not osls.exists():
        raise PackageError("osls is not installed; `make package` does that")
    # osls empties its package folder, so it gets a folder of its own.
    with _alone(BUILD / "osls.lock"), tempfile.TemporaryDirectory(dir=folder) as scratch:
        command = [str(osls), "package", "--stage", inputs.stage, "--package", scratch]
        command += ["--region", inputs.region] if inputs.region else []
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if answer.returncode:
            output = "\n".join(filter(None, (answer.stderr.strip(), answer.stdout.strip())))
            raise PackageError(
                f"osls could not make the template (exit code {answer.returncode}):\n{output}"
            )
        return Path(shutil.move(Path(scratch) / TEMPLATE, folder / TEMPLATE))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock against other processes of this checkout: osls keeps files in its folder."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
