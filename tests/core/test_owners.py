"""Owners: whose image a message is about."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from cli.__main__ import main
from lib.core.owners import Owners, owned, owner_of, with_owners
from lib.messages.digest import REPOSITORIES, digest_text_of
from lib.messages.text import text_of
from lib.models import Owner
from lib.wire.digest import digest_to_json
from tests.notifiers.test_contract import FORMATS
from tests.support.builders import a_finding
from tests.support.digests import a_digest_of
from tests.support.every import every
from tests.support.notices import a_notice
from tests.support.receivers import notifier, tools
from tests.support.streams import a_state, a_watched

ROOT: Final = Path(__file__).parents[2]
DOCUMENT: Final = ROOT / "tests" / "findings" / "inspector2" / "one.json"
TOPIC: Final = "arn:aws:sns:eu-central-1:123456789012:mail"
PAYMENTS: Final = Owner("payments", "#payments-oncall")
OWNERS: Final[Owners] = (("payments/*", PAYMENTS), ("pay*", Owner("first wins")))
NOTICE: Final = a_notice(a_state(a_watched(a_finding())))


@pytest.mark.parametrize(
    ("repository", "owner"),
    [("payments/api", PAYMENTS), ("payroll", Owner("first wins")), ("web", None)],
)
def test_the_first_pattern_that_matches_counts(repository: str, owner: Owner | None) -> None:
    """Without one, nobody is named."""
    assert owner_of(repository, OWNERS) == owner


def test_a_digest_has_the_owner_of_each_repository() -> None:
    """Behind its numbers, and in the documents for programs; nothing where nobody is named."""
    digest = with_owners(a_digest_of(), OWNERS)
    lines = next(
        part.lines
        for part in digest_text_of(digest, lines=5, characters=1000).lists
        if part.title == REPOSITORIES
    )
    document = digest_to_json(digest)
    schema = json.loads((ROOT / "schemas" / "digest-1.0.0.json").read_text("utf-8"))

    assert [line.text.partition("owner: ")[2] for line in lines][:2] == [
        "payments (#payments-oncall)",
        "",
    ]
    assert [row.get("owner") for row in document["repositories"]][:2] == [
        {"team": "payments", "contact": "#payments-oncall"},
        None,
    ]
    Draft202012Validator(schema).validate(document | {"omitted": {}})


def test_an_event_of_ocsf_has_the_owner_as_a_label() -> None:
    """Beside its routes."""
    made = notifier("sns", tools(), format="ocsf", topic_arn=TOPIC)

    event = json.loads(made.render(owned(NOTICE, OWNERS))["Message"].splitlines()[0])

    assert "owner:payments" in event["metadata"]["labels"]


def test_a_notice_has_the_owner_of_its_repository() -> None:
    """Once in the facts, and once in the small print."""
    text = text_of(owned(NOTICE, [("*", PAYMENTS)]))

    assert text.small[0] == "owner: payments (#payments-oncall)"
    assert [fact.value for fact in text.facts if fact.label == "Owner"] == [PAYMENTS.name]


def test_nobody_is_made_up() -> None:
    """Where alerts.yml names no owner."""
    text = text_of(owned(NOTICE, ()))

    assert not any("owner" in line for line in text.small)
    assert not any(fact.label == "Owner" for fact in text.facts)


@every(("mode", "options"), [pair for pair in FORMATS if pair[1].get("format") != "ocsf"])
def test_every_receiver_shows_the_owner(mode: str, options: Any) -> None:
    """OCSF has no field for it."""
    payload = notifier(mode, tools(), **options).render(replace(NOTICE, owner=PAYMENTS))

    assert "payments-oncall" in json.dumps(payload)


def test_programs_get_the_owner_as_a_field() -> None:
    """By which they filter; the schema knows it."""
    payload = notifier("webhook", tools()).render(replace(NOTICE, owner=Owner("storefront")))
    schema = json.loads((ROOT / "schemas" / "alert-1.0.0.json").read_text())["properties"]["owner"]

    (owner,) = found(payload, "owner")
    assert owner == {"team": "storefront", "contact": None}
    assert Draft202012Validator(schema).is_valid(owner)


def found(document: Any, name: str) -> list[Any]:
    """Return the values of a key, wherever it stands."""
    match document:
        case dict():
            own = [document[name]] if name in document else []
            return own + [value for item in document.values() for value in found(item, name)]
        case list():
            return [value for item in document for value in found(item, name)]
    return []


def test_commands_name_the_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A preview is the message as it would be sent."""
    monkeypatch.chdir(tmp_path)
    Path("alerts.yml").write_text(
        "version: 1\n"
        f'destinations: {{mail: {{type: sns, topic_arn: "{TOPIC}"}}}}\n'
        "owners: {'my-*': {team: payments, contact: '#payments-oncall'}}\n"
        "routes: [{name: all, severity: LOW, notify: [mail]}]\n"
    )

    assert main(["preview", str(DOCUMENT), "--to", "mail"]) == 0
    assert "owner: payments (#payments-oncall)" in capsys.readouterr().out
