"""
`make remove`: deletes the stack of a stage. The table and the bucket of reports stay.

Needs only credentials: no package, no configuration.
"""

import argparse
import sys
from collections.abc import Sequence

from deploy.account import (
    Account,
    ClientOf,
    DeployError,
    aws_errors,
    clients_of,
    identify,
    session_of,
)
from deploy.code_bucket import delete_all_code
from deploy.inputs import add_place_arguments, command_line, region_of
from deploy.retained import empty_bucket
from deploy.stack import (
    DEPLOYMENT_BUCKET,
    REPORTS,
    TABLE,
    Stack,
    find_stack,
    stack_name,
    wait_until_done,
)
from deploy.terminal import Terminal, failed, interrupted
from lib.errors import ConfigError


def main(arguments: Sequence[str] | None = None) -> int:
    """Remove a stage. Exit code 1: not removed; the reason is printed."""
    parser = argparse.ArgumentParser(prog="python -m deploy.remove", description=__doc__)
    add_place_arguments(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args(arguments)
    try:
        region = region_of(command_line(options))
        session = session_of(region)
        account = identify(session, region)
        remove(clients_of(session), account, options.stage, Terminal(yes=options.yes))
    except (DeployError, ConfigError) as error:
        return failed("Not removed.", error)
    except KeyboardInterrupt:
        return interrupted()
    return 0


def remove(client_of: ClientOf, account: Account, stage: str, terminal: Terminal) -> None:
    """Delete the stack of a stage and show the data that stays. Raises `DeployError`."""
    name = stack_name(stage)
    stack = find_stack(client_of, name)
    if stack is None:
        raise DeployError(
            f"There is no stack {name} in {account.region} of account {account.number}"
        )
    retained = _retained(stack)
    terminal.say(f"stack    {name} ({stack.status.lower().replace('_', ' ')})")
    terminal.say(f"account  {account.number}")
    terminal.say(f"region   {account.region}")
    terminal.say(f"role     {account.arn}")
    terminal.say(f"stays    {', '.join(retained) or 'nothing'}")
    terminal.confirm("Remove? [y/N]")
    bucket = stack.resources.get(DEPLOYMENT_BUCKET)
    if bucket:
        # CloudFormation deletes only empty buckets.
        empty_bucket(client_of, bucket, say=terminal.say)
    with aws_errors(f"deleting the stack {name}"):
        client_of("cloudformation").delete_stack(StackName=stack.id)
    wait_until_done(client_of, stack.id, say=terminal.say)
    terminal.say(f"Removed {name}.")
    try:
        delete_all_code(client_of, account, stage)
    except DeployError as error:
        terminal.say(f"Its code stays: {error}")
    if retained:
        terminal.say(
            "The table and the bucket are still paid for.\n"
            f"  make deploy STAGE={stage} ADOPT=1   goes on with them\n"
            f"  make purge STAGE={stage}            deletes them for good"
        )


def _retained(stack: Stack) -> list[str]:
    """Return the data that CloudFormation retains."""
    resources = stack.template.get("Resources", {})
    return [
        f"{kind} {stack.resources[logical]}"
        for logical, kind in ((TABLE, "table"), (REPORTS, "bucket"))
        if logical in stack.resources
        and str(resources.get(logical, {}).get("DeletionPolicy", "")).startswith("Retain")
    ]


if __name__ == "__main__":
    sys.exit(main())
