"""`make purge`: deletes the table and the bucket of a removed stage permanently."""

import argparse
import sys
from collections.abc import Sequence

from deploy.account import Account, ClientOf, DeployError, clients_of, identify, session_of
from deploy.inputs import add_place_arguments, command_line, region_of
from deploy.retained import contents, delete_retained, find_retained
from deploy.stack import find_stack, stack_name
from deploy.terminal import Terminal, failed, interrupted
from lib.errors import ConfigError


def main(arguments: Sequence[str] | None = None) -> int:
    """Delete the data of a removed stage. Exit code 1: not deleted; the reason is printed."""
    parser = argparse.ArgumentParser(prog="python -m deploy.purge", description=__doc__)
    add_place_arguments(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--table", default="", help="the table to delete, where there are several")
    parser.add_argument("--bucket", default="", help="the bucket to delete")
    options = parser.parse_args(arguments)
    try:
        region = region_of(command_line(options))
        session = session_of(region)
        account = identify(session, region)
        purge(
            clients_of(session),
            account,
            options.stage,
            Terminal(yes=options.yes),
            table=options.table,
            bucket=options.bucket,
        )
    except (DeployError, ConfigError) as error:
        return failed("Not deleted.", error)
    except KeyboardInterrupt:
        return interrupted()
    return 0


def purge(  # two names choose among several
    client_of: ClientOf,
    account: Account,
    stage: str,
    terminal: Terminal,
    *,
    table: str = "",
    bucket: str = "",
) -> None:
    """Delete the data of a stage whose stack was removed. Raises `DeployError`."""
    stack = find_stack(client_of, stack_name(stage))
    if stack is not None and stack.has_data:
        raise DeployError(f"{stack.name} uses its data. First: make remove STAGE={stage}")
    retained = find_retained(client_of, stage, stack, table=table, bucket=bucket)
    if not retained:
        raise DeployError(
            f"Nothing of the stage {stage} was kept in {account.region} of {account.number}"
        )
    counts = contents(client_of, retained)
    terminal.say(f"account  {account.number}")
    terminal.say(f"region   {account.region}")
    terminal.say(f"role     {account.arn}")
    if retained.table:
        terminal.say(f"table    {retained.table}: about {_counted(counts.items, 'item')}")
    if retained.bucket:
        terminal.say(f"bucket   {retained.bucket}: {_counted(counts.objects, 'object')}")
    terminal.confirm(
        f"All of this is lost. Type the name of the stage ({stage}) to delete it:", stage
    )
    delete_retained(client_of, retained, say=terminal.say)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


if __name__ == "__main__":
    sys.exit(main())
