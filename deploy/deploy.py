"""
`make deploy`: shows the changes of a deployment, asks, packages, and deploys.

    read account and stack, show the changes, ask
    write the file of the stage, if this is the first deployment
    put zip and template into the bucket of the code
    create or update the stack: the template of a release, with the settings as parameters
    publish the configuration: config/current.json in the bucket of reports

Deletion protection of a new table is set by a second update: DynamoDB refuses to delete a protected
table, so CloudFormation could not roll back a failed first deployment.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from botocore.exceptions import ClientError

from cli.alerts_file import AlertsFile, render_problems, understand
from cli.placeholders import placeholders
from cli.publishing import Publisher
from cli.stage_file import render_stage, shown, stage_path
from deploy.account import (
    Account,
    ClientOf,
    DeniedError,
    DeployError,
    aws_errors,
    clients_of,
    identify,
    is_missing,
    session_of,
)
from deploy.changes import change_stack
from deploy.code_bucket import delete_code, store_template, upload
from deploy.dependencies import DependenciesError
from deploy.inputs import Inputs, add_arguments, command_line, inputs_of
from deploy.next_steps import next_steps
from deploy.osls import PackageError
from deploy.package import check_stage, checked, package
from deploy.retained import RetainedData, adopt, delete_bucket, find_retained
from deploy.review import NOTE, RunningConfiguration, foreign_topics, review
from deploy.stack import (
    DEPLOYMENT_BUCKET,
    REPORTS,
    Stack,
    find_stack,
    stack_name,
    update_obstacle,
    wait_for_queue_names,
)
from deploy.terminal import Terminal, failed, interrupted
from lib.config.parsing import config_hash
from lib.errors import ConfigError, ConflictError, StoreError
from lib.models import Json
from lib.store.publications import KEY, S3PublicationWriter

LOCAL: Final = "local"
"""The stage of the embedded AWS, which local/ deploys to."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The choice about data of an earlier stack of the stage. `adopt` None: not chosen."""

    adopt: bool | None = None
    table: str = ""
    bucket: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Deploy a stage. Exit code 1: not deployed; the reason is printed."""
    parser = argparse.ArgumentParser(prog="python -m deploy.deploy", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--adopt", choices=("0", "1"), help="take what a removed stack left")
    parser.add_argument("--table", default="", help="the table to adopt, where there are several")
    parser.add_argument("--bucket", default="", help="the bucket to adopt")
    options = parser.parse_args(arguments)
    choices = Choices(
        None if options.adopt is None else options.adopt == "1", options.table, options.bucket
    )
    try:
        deploy(inputs_of(command_line(options)), choices, Terminal(yes=options.yes))
    except (PackageError, DependenciesError, DeployError, ConfigError) as error:
        return failed("Not deployed.", error)
    except KeyboardInterrupt:
        return interrupted()
    return 0


@dataclass(frozen=True, slots=True)
class Situation:
    """What is there before a deployment, read before anything is asked or written."""

    stack: Stack | None
    retained: RetainedData
    """The data to adopt; empty where there is none."""
    deployed: RunningConfiguration

    @property
    def makes_table(self) -> bool:
        """Whether CloudFormation makes a new table."""
        return not self.retained and (self.stack is None or not self.stack.has_data)


def deploy(inputs: Inputs, choices: Choices, terminal: Terminal) -> None:
    """Deploy a stage. Raises `DeployError`, `ConfigError` and what packaging raises."""
    file = checked_inputs(inputs)
    session = session_of(inputs.region)
    account, client_of = identify(session, inputs.region), clients_of(session)
    for problem in foreign_topics(file.document, account):
        raise DeployError(problem)
    situation = read_situation(client_of, inputs.stage, choices, terminal)

    _show(situation, account, inputs, file.document, terminal)
    terminal.confirm("Deploy? [y/N]")

    _write_stage_file(inputs, terminal)
    built = package(inputs, today=datetime.now(UTC).date(), config=file)
    code = upload(client_of, account, inputs.stage, built)
    values = {**built.values, **code.values}
    stack = situation.stack
    if situation.retained:
        template = json.loads(built.template.read_text("utf-8"))
        store = partial(store_template, client_of, account, code)
        adopt(client_of, template, values, situation.retained, stack, store=store, say=terminal.say)
        stack = find_stack(client_of, stack_name(inputs.stage))
    _update(client_of, stack, code.template_url, values, terminal, first=situation.makes_table)
    tidy(client_of, account, situation.stack, values, terminal)
    _finish(
        client_of, inputs, file.document, terminal, account=account, deployed=situation.deployed
    )


def read_situation(
    client_of: ClientOf, stage: str, choices: Choices, terminal: Terminal
) -> Situation:
    """Return what is there. Raises `DeployError` where the stage cannot be deployed."""
    stack = find_stack(client_of, stack_name(stage))
    obstacle = update_obstacle(stack) if stack is not None else None
    if obstacle:
        raise DeployError(obstacle)
    retained = choose_data(client_of, stage, stack, choices, terminal)
    bucket = retained.bucket or (stack.resources.get(REPORTS, "") if stack is not None else "")
    return Situation(stack, retained, read_deployed(client_of, bucket))


def _show(
    situation: Situation, account: Account, inputs: Inputs, document: Json, terminal: Terminal
) -> None:
    for line in review(account, inputs, document, situation.stack, situation.deployed):
        terminal.say(line)
    if situation.retained:
        terminal.say(f"It adopts the {situation.retained}.")


def checked_inputs(inputs: Inputs) -> AlertsFile:
    """
    Return the configuration, checked and without placeholders. AWS is not called.

    Raises `DeployError`, and `ConfigError` with every wrong line.
    """
    if not inputs.region:
        raise DeployError(
            f"Which region? As in: make deploy STAGE={inputs.stage} REGION=eu-central-1"
        )
    if inputs.stage == LOCAL:
        raise DeployError(
            "The stage local is that of `make demo`: nothing of it would be kept. Choose another"
        )
    check_stage(inputs.stage)
    file = checked(inputs, today=datetime.now(UTC).date())
    problems = (*placeholders(file), *_stage_placeholders(inputs))
    if problems:
        raise ConfigError(f"These are not yours yet:\n{render_problems(problems)}")
    return file


def _stage_placeholders(inputs: Inputs) -> Sequence[Any]:
    """Check the parameters in the file of the stage, or in the file that would be written."""
    path = inputs.file or stage_path(inputs.stage)
    text = (
        inputs.file.read_text("utf-8")
        if inputs.file is not None
        else render_stage(inputs.region, inputs.config, inputs.parameters)
    )
    return placeholders(understand(text, shown(path)))


def choose_data(
    client_of: ClientOf, stage: str, stack: Stack | None, choices: Choices, terminal: Terminal
) -> RetainedData:
    """See `data_to_adopt`. If AWS denies the search, ask a person, or raise `DeployError`."""
    try:
        return data_to_adopt(client_of, stage, stack, choices)
    except DeniedError as error:
        if choices.adopt or terminal.yes:
            raise DeployError(f"{error} Add ADOPT=0 where nothing was kept") from error
        terminal.say(f"Whether a removed stack left data is unknown: {error}")
        return RetainedData()


def data_to_adopt(
    client_of: ClientOf, stage: str, stack: Stack | None, choices: Choices
) -> RetainedData:
    """Return the data to adopt. Raises `DeployError` if data was kept and nothing is chosen."""
    if stack is not None and stack.has_data:
        if choices.adopt:
            raise DeployError(f"{stack.name} has its table and bucket; leave ADOPT=1 out")
        return RetainedData()
    if choices.adopt is False:
        return RetainedData()
    retained = find_retained(client_of, stage, stack, table=choices.table, bucket=choices.bucket)
    if choices.adopt is None and retained:
        raise DeployError(
            f"A stack of this stage was removed and left the {retained}.\n"
            "  add ADOPT=1   go on with them: no image is reported anew, threads and issues go on\n"
            "  add ADOPT=0   begin with an empty table; the old ones stay, and cost\n"
            f"  make purge STAGE={stage}   delete them for good"
        )
    if choices.adopt and not retained:
        raise DeployError("There is nothing to adopt: no table and no bucket was kept")
    return retained


def read_deployed(client_of: ClientOf, bucket: str) -> RunningConfiguration:
    """
    Read the published configuration from the bucket of reports; empty if there is none.

    The result names the reason if the configuration is unknown.
    """
    if not bucket:
        return RunningConfiguration()
    publisher = Publisher(S3PublicationWriter(client_of("s3"), bucket))
    try:
        with aws_errors(f"reading {KEY}"), _causes():
            published, version = publisher.repairable()
    except DeployError as error:
        return RunningConfiguration(problem=str(error))
    if published is None:
        problem = (
            f"{KEY} in the bucket is no configuration"
            if version
            else f"the bucket has no {KEY}; this deployment stores it"
        )
        return RunningConfiguration(problem=problem, version=version)
    return RunningConfiguration(published=published, version=version)


@contextmanager
def _causes() -> Iterator[None]:
    """Raise the error of AWS behind a `StoreError`, which `aws_errors` puts into a sentence."""
    try:
        yield
    except StoreError as error:
        raise error.__cause__ or error from None


def _write_stage_file(inputs: Inputs, terminal: Terminal) -> None:
    if inputs.file is not None:
        return
    path = stage_path(inputs.stage)
    path.write_text(render_stage(inputs.region, inputs.config, inputs.parameters), "utf-8")
    terminal.say(f"Wrote {shown(path)}: the next deployment reads it. Commit it.")


def _update(
    client_of: ClientOf,
    stack: Stack | None,
    template_url: str,
    values: Mapping[str, str],
    terminal: Terminal,
    *,
    first: bool,
) -> None:
    name = stack_name(values["Stage"])
    wait_for_queue_names(client_of, name, say=terminal.say)
    change = partial(change_stack, client_of, name, template_url=template_url, say=terminal.say)
    if first and values["DeletionProtection"] == "true":
        change(stack, values={**values, "DeletionProtection": "false"})
        stack = find_stack(client_of, name)
        terminal.say("Protecting the table against deletion")
    change(stack, values=values)


def tidy(
    client_of: ClientOf,
    account: Account,
    before: Stack | None,
    values: Mapping[str, str],
    terminal: Terminal,
) -> None:
    """Delete code that no stack needs. A refusal is shown; the deployment is done."""
    previous = before.parameters.get("CodeKey", "") if before is not None else ""
    old_bucket = before.resources.get(DEPLOYMENT_BUCKET) if before is not None else None
    try:
        delete_code(
            client_of, account, values["Stage"], keep=[*filter(None, (previous, values["CodeKey"]))]
        )
        if old_bucket and _is_there(client_of, old_bucket):
            delete_bucket(client_of, old_bucket, say=terminal.say)
    except DeployError as error:
        terminal.say(f"Old code stays: {error}")


def _is_there(client_of: ClientOf, bucket: str) -> bool:
    """Whether CloudFormation has left a bucket, as it does with one that is not empty."""
    with aws_errors(f"looking for the bucket {bucket}"):
        try:
            client_of("s3").head_bucket(Bucket=bucket)
        except ClientError as error:
            if is_missing(error):
                return False
            raise
    return True


def _finish(
    client_of: ClientOf,
    inputs: Inputs,
    document: Json,
    terminal: Terminal,
    *,
    account: Account,
    deployed: RunningConfiguration,
) -> None:
    stack = find_stack(client_of, stack_name(inputs.stage))
    if stack is None or not stack.has_data:
        raise DeployError("The stack has no table and bucket; look at its events")
    publisher = Publisher(S3PublicationWriter(client_of("s3"), stack.resources[REPORTS]))
    if inputs.parameters.get("configBucket"):
        terminal.say(f"Functions read another bucket than the stage's own. {_push_later(inputs)}")
    else:
        try:
            with aws_errors(f"publishing {KEY}"), _causes():
                _publish(publisher, document, account, deployed, terminal)
        except DeployError as error:
            terminal.say(f"Deployed, but not published: {error} {_push_later(inputs)}")
    terminal.say(f"\nDeployed {stack.name}. Dashboard: {stack.outputs.get('DashboardUrl', '')}")
    for number, step in enumerate(next_steps(client_of, inputs, document, stack.outputs), 1):
        terminal.say(f"  {number}. {step}")


def _publish(
    publisher: Publisher,
    document: Json,
    account: Account,
    deployed: RunningConfiguration,
    terminal: Terminal,
) -> None:
    """Publish the deployed configuration over the one that the review showed."""
    published = deployed.published
    if published is not None and config_hash(published.publication.document) == config_hash(
        document
    ):
        return
    try:
        revision = publisher.publish(
            document, published, deployed.version, by=account.arn, note=NOTE
        )
    except ConflictError:
        terminal.say(
            "Somebody published another configuration during this deployment. It stays in force; "
            "`ecr-scan-alerts config diff` compares"
        )
        return
    terminal.say(f"Published the configuration as revision {revision.number}")


def _push_later(inputs: Inputs) -> str:
    return f"Publish it: ./ecr-scan-alerts config push --stage {inputs.stage}"


if __name__ == "__main__":
    sys.exit(main())
