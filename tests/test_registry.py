"""Registry, schemas, tests and docs name the same receivers: no step of adding one is missed."""

import json
import re
from pathlib import Path

import pytest

from lib.core.worth_notifying import PROFILES
from lib.notifiers import NOTIFIERS
from tests.support import docs
from tests.support.every import every
from tests.support.receivers import ANSWERS, OPTIONS, SECRETS

ROOT = Path(__file__).parents[1]
STEPS = (
    ("schemas/notifiers/{}.json",),
    ("lib/notifiers/{}.py", "lib/notifiers/{}/notifier.py", "lib/notifiers/{}/__init__.py"),
    ("tests/notifiers/test_{}.py", "tests/notifiers/{}/"),
)
"""Each step, and the forms that it can have."""
GOLDEN = ROOT / "tests" / "notifiers" / "golden"


@pytest.mark.parametrize("name", NOTIFIERS)
def test_every_receiver_has_all_its_files(name: str) -> None:
    """A receiver without schema, module or tests is not finished."""
    missing = [
        " or ".join(form.format(name) for form in forms)
        for forms in STEPS
        if not any((ROOT / form.format(name)).exists() for form in forms)
    ]

    assert not missing, f"{name!r} is in lib/notifiers/__init__.py but lacks {', '.join(missing)}"


@pytest.mark.parametrize("name", NOTIFIERS)
def test_every_receiver_has_golden_payloads(name: str) -> None:
    """What people get is kept as files, to be read in a review."""
    kept = list((GOLDEN / name).glob("*.json"))

    assert kept, (
        f"tests/notifiers/golden/{name} is empty: put one story of each layout through "
        f"golden.check in tests/notifiers/test_{name}.py, then run `make golden`"
    )


@pytest.mark.parametrize("name", NOTIFIERS)
def test_every_receiver_says_what_is_worth_a_message(name: str) -> None:
    """Otherwise it gets what a reader of mails gets, and what it shows is not kept current."""
    assert name in PROFILES, f"add {name!r} to PROFILES in lib/core/worth_notifying.py"


@pytest.mark.parametrize("name", NOTIFIERS)
def test_every_receiver_takes_part_in_the_contract(name: str) -> None:
    """Without its options and answers the contract tests would pass it by."""
    where = "tests/support/receivers.py"

    assert name in OPTIONS, f"add the options of {name!r} to OPTIONS in {where}"
    by_http = NOTIFIERS[name].hosts or "host" in OPTIONS[name]
    assert not by_http or name in ANSWERS, (
        f"add what {name!r} answers on success to ANSWERS in {where}, and its secret to SECRETS"
    )


def test_every_schema_has_a_receiver() -> None:
    """Options that pass the check of alerts.yml must find somebody who takes them."""
    schemas = {path.stem for path in (ROOT / "schemas" / "notifiers").glob("*.json")}

    unknown = sorted(schemas - set(NOTIFIERS))

    assert not unknown, f"add to NOTIFIERS in lib/notifiers/__init__.py: {', '.join(unknown)}"


@every("head", ["type | options", "type | what a test does"])
@every("name", NOTIFIERS)
def test_docs_have_a_row_for_every_receiver(name: str, head: str) -> None:
    """One says how it is set up, the other what `destinations test` does with it."""
    page = "docs/receivers/README.md"

    rows = docs.first_words(docs.table(page, head))

    assert name in rows, f"{page} needs a row below | {head} |: | `{name}` | … |"


@pytest.mark.parametrize("name", NOTIFIERS)
def test_every_receiver_has_a_page(name: str) -> None:
    """It says how the receiver is set up, and what its limits are."""
    assert f"docs/receivers/{name}.md" in docs.FOR_USERS


@pytest.mark.parametrize("name", NOTIFIERS)
def test_editors_complete_every_receiver(name: str) -> None:
    """alerts-1.0.0.json offers its options."""
    schema = json.loads((ROOT / "schemas" / "alerts-1.0.0.json").read_text("utf-8"))
    offered = json.dumps(schema["$defs"]["destination"])

    assert f'"notifiers/{name}.json"' in offered, (
        f"add notifiers/{name}.json to $defs.destination in schemas/alerts-1.0.0.json"
    )


@pytest.mark.parametrize("mode", OPTIONS)
def test_every_secret_of_the_contract_has_a_value(mode: str) -> None:
    """The contract looks for the values where they must not be."""
    names = re.findall(r'"secret": "([^"]+)"', json.dumps(OPTIONS[mode]))

    missing = sorted(set(names) - set(SECRETS))

    assert not missing, f"add to SECRETS in tests/support/receivers.py: {', '.join(missing)}"


@pytest.mark.parametrize("name", NOTIFIERS)
def test_every_receiver_is_documented(name: str) -> None:
    """The class says what its options are, and which hosts it may call."""
    factory = NOTIFIERS[name]

    assert "ption" in (factory.__doc__ or ""), f"{name}: its docstring names no options"
    assert isinstance(factory.hosts, tuple)
