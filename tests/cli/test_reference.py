"""The reference of the command, as docs/cli.md has it."""

import argparse
from pathlib import Path

import pytest

from cli.__main__ import parser
from cli.commands import COMMANDS
from cli.parser import Parser
from cli.reference import MARK, PAGE, render, write
from tests.support.every import every


def test_the_page_is_that_of_the_parser() -> None:
    """After a change of options or words, `make docs` writes it anew."""
    _, _, reference = PAGE.read_text("utf-8").partition(MARK)

    assert reference == f"\n{render(parser())}", "run `make docs`"


@every("name", COMMANDS)
def test_every_command_has_a_section(name: str) -> None:
    """And a row in the list of commands that leads to it."""
    reference = render(parser())

    assert f"\n## {name}\n" in reference
    assert f"| [`{name}`](#{name}) |" in reference


@pytest.fixture
def of_a_shop() -> argparse.ArgumentParser:
    """Return a parser with each kind of argument."""
    top = argparse.ArgumentParser(prog="shop", description="Sells.")
    commands = top.add_subparsers()
    buy = commands.add_parser(
        "buy",
        help="buy things",
        description="Buys things; --all buys everything, `--all` too.",
        epilog="examples:\n  shop buy tea\n  shop buy --all",
    )
    buy.add_argument("things", nargs="*", metavar="THING", help="tea | coffee")
    buy.add_argument("shelf", nargs="?", help="%(prog)s looks there")
    buy.add_argument("-c", "--count", type=int, required=True, help="how many")
    buy.add_argument("--pay", choices=("cash", "card"), default="cash")
    either = buy.add_mutually_exclusive_group()
    either.add_argument("--all", action="store_true", help="everything")
    either.add_argument("--none", action="store_true", help="nothing")
    bag = commands.add_parser("bag", help="look into the bag", epilog="Bags are free.")
    actions = bag.add_subparsers()
    actions.add_parser("open", help="open the bag").add_argument("names", nargs="+")
    commands.add_parser("secret")
    return top


def test_each_kind_of_argument_is_shown(of_a_shop: argparse.ArgumentParser) -> None:
    """Choices with their default, what excludes what, and what is required."""
    assert (
        render(of_a_shop)
        == """\
| command | purpose |
| --- | --- |
| [`buy`](#buy) | buy things |
| [`bag`](#bag) | look into the bag |

## buy

Buys things; `--all` buys everything, `--all` too.

```
shop buy --count COUNT [options] [THING ...] [SHELF]
```

| argument | meaning |
| --- | --- |
| `THING` | tea \\| coffee |
| `SHELF` | shop buy looks there |
| `-c, --count COUNT` | how many |
| `--pay PAY` | one of `cash`, `card` (default: `cash`) |
| `--all` | everything (not with `--none`) |
| `--none` | nothing (not with `--all`) |

```console
shop buy tea
shop buy --all
```

## bag

Look into the bag.

Bags are free.

### bag open

Open the bag.

```
shop bag open [options] NAMES [NAMES ...]
```
"""
    )


def test_a_page_without_the_mark_is_left_alone(tmp_path: Path) -> None:
    """Nobody loses what they wrote."""
    page = tmp_path / "page.md"
    page.write_text("by hand")

    with pytest.raises(ValueError, match="has no line"):
        write(page, parser())

    assert page.read_text() == "by hand"


def test_what_people_write_stays(tmp_path: Path, of_a_shop: argparse.ArgumentParser) -> None:
    """Only what is below the mark is replaced."""
    page = tmp_path / "page.md"
    page.write_text(f"by hand\n{MARK}\nold")

    write(page, of_a_shop)

    assert page.read_text() == f"by hand\n{MARK}\n{render(of_a_shop)}"


def test_help_keeps_paragraphs_and_examples() -> None:
    """A description has paragraphs, and lines of examples stay lines."""
    text = Parser(
        prog="shop",
        description="First.\n\nSecond\nline.",
        epilog="examples:\n  shop buy tea\n  shop pay",
    ).format_help()

    assert "\nFirst.\n\nSecond line.\n" in text
    assert "\nexamples:\n  shop buy tea\n  shop pay\n" in text
