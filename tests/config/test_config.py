"""The checked file: every problem by path and rule, never by value."""

import copy
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from lib import config
from lib.checks.expectations import Expectations, MutableTags
from lib.config import load
from lib.config import schema as config_schema
from lib.config.checking import check
from lib.config.model import Config, DestinationConfig
from lib.config.parsing import config_hash, parse
from lib.config.problems import ConfigPath, Problem
from lib.config.schema import known_types
from lib.core.routing import Match, Route
from lib.core.schedule import Schedule
from lib.core.streams import StreamRule
from lib.core.suppressions import Suppression
from lib.errors import ConfigError
from lib.models import Destination, Filter, Severity
from lib.models.views import Kind
from lib.notifiers import NOTIFIERS
from tests.support.every import every

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 23)
# Put together here, so that no scanner takes it for a real one.
WEBHOOK = "https://hooks.slack" + ".com/services/" + "T0/B0/abcdef"

DOCUMENT: dict[str, Any] = {
    "version": 1,
    "destinations": {
        "payments-slack": {
            "type": "slack",
            "webhook": {"secret": "ecr-scan-alerts/payments-webhook"},
        },
        "security-jira": {
            "type": "jira",
            "site": "https://example.atlassian.net",
            "project": "SEC",
            "issue_type": "Bug",
            "credentials": {"parameter": "/ecr-scan-alerts/jira"},
            "labels": ["containers"],
            "priority": {"CRITICAL": "Highest"},
        },
        "audit-topic": {
            "type": "sns",
            "topic_arn": "arn:aws:sns:eu-central-1:123456789012:scan-alerts",
            "format": "json",
        },
    },
    "streams": ["release-*", "main-*"],
    "sources": {"payments/*": "https://github.com/example/payments"},
    "owners": {"payments/*": {"team": "payments", "contact": "#oncall"}, "web/*": "storefront"},
    "routes": [
        {
            "name": "payments",
            "match": {"repository": "payments/*", "tag": ["prod-*", "v*"], "untagged": True},
            "severity": "MEDIUM",
            "only": ["fixable"],
            "kinds": ["NEW", "SCAN_FAILED"],
            "unknown_severity": True,
            "notify": ["payments-slack", "security-jira"],
            "continue": True,
        },
        {"name": "everything else", "notify": ["audit-topic"]},
    ],
    "suppressions": [
        {
            "id": "CVE-2023-4911",
            "package": "glibc",
            "path": "opt/*",
            "repository": "legacy/*",
            "expires": "2027-01-31",
            "reason": "not reachable,\n  no setuid binaries",
        }
    ],
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the document with one part replaced; the path is written with dots."""
    document = copy.deepcopy(DOCUMENT)
    *parents, last = (int(step) if step.isdigit() else step for step in path.split("."))
    part: Any = document
    for step in parents:
        part = part[step]
    part[last] = value
    return document


def at(document: Any, path: Sequence[str]) -> Any:
    """Return a part of a document."""
    for step in path:
        document = document[int(step) if step.isdigit() else step]
    return document


def without(path: str) -> dict[str, Any]:
    """Return the document without one part."""
    document = changed(path, None)
    *parents, last = (int(step) if step.isdigit() else step for step in path.split("."))
    part: Any = document
    for step in parents:
        part = part[step]
    del part[last]
    return document


def problems(document: Any) -> list[str]:
    """Return what is wrong, as people read it, without the names of routes."""
    found = (replace(problem, owner="") for problem in check(document, today=TODAY))
    return [f"{problem.level}: {problem}" for problem in found]


class TestParse:
    """What a valid document means."""

    def test_every_part_is_understood(self) -> None:
        """Destinations, routes, streams and suppressions arrive as their own types."""
        result = load(DOCUMENT, today=TODAY)

        assert result.destinations["audit-topic"] == DestinationConfig(
            "sns",
            {"topic_arn": "arn:aws:sns:eu-central-1:123456789012:scan-alerts", "format": "json"},
        )
        assert list(result.destinations) == ["payments-slack", "security-jira", "audit-topic"]
        assert result.streams == (StreamRule(("release-*",)), StreamRule(("main-*",)))
        assert result.routes == (
            Route(
                "payments",
                Filter(
                    "payments",
                    Severity.MEDIUM,
                    ("fixable",),
                    (Kind.NEW, Kind.SCAN_FAILED),
                    unknown_severity=True,
                ),
                ("payments-slack", "security-jira"),
                Match(repository=("payments/*",), tag=("prod-*", "v*"), untagged=True),
                continues=True,
            ),
            Route("everything else", Filter("everything else", Severity.HIGH), ("audit-topic",)),
        )
        assert result.suppressions == (
            Suppression(
                "CVE-2023-4911",
                date(2027, 1, 31),
                "not reachable, no setuid binaries",
                "glibc",
                "opt/*",
                "legacy/*",
            ),
        )

    def test_an_entry_can_name_a_version_a_package_url_and_an_image(self) -> None:
        """As the tools from which entries are imported can."""
        limits = {"version": "1", "purl": "pkg:npm/a@1?arch=x", "digest": f"sha256:{1:064x}"}
        document = changed("suppressions.0", {**DOCUMENT["suppressions"][0], **limits})

        (entry,) = load(document, today=TODAY).suppressions

        assert (entry.version, entry.purl, entry.digest) == tuple(limits.values())

    def test_only_what_is_required_is_enough(self) -> None:
        """Streams and suppressions may be left out."""
        document = {key: DOCUMENT[key] for key in ("version", "destinations")}
        document["routes"] = [{"name": "all", "notify": list(DOCUMENT["destinations"])}]

        result = load(document, today=TODAY)

        assert (result.streams, result.suppressions) == ((), ())
        assert problems(document) == []

    def test_an_invalid_document_is_not_loaded(self) -> None:
        """Every error is listed; warnings are no obstacle."""
        document = changed("version", 2)
        del document["routes"][1]["notify"]

        with pytest.raises(
            ConfigError, match=r"version: must be 1; routes\[1\] \(route .*\): notify is missing"
        ):
            load(document, today=TODAY)

    def test_a_warning_is_no_obstacle(self) -> None:
        """An expired suppression does not keep a file from being deployed."""
        document = changed("suppressions.0.expires", "2020-01-01")

        assert isinstance(load(document, today=TODAY), Config)

    def test_parsing_needs_no_jsonschema(self) -> None:
        """Handlers read a checked document; importing jsonschema would cost their cold start."""
        code = (
            "import json, sys; from lib.config import parse; parse(json.loads(sys.argv[1])); "
            "sys.exit('jsonschema' in sys.modules)"
        )

        done = subprocess.run(
            [sys.executable, "-c", code, json.dumps(DOCUMENT)], cwd=ROOT, check=False
        )

        assert done.returncode == 0

    def test_every_kind_can_be_asked_for(self) -> None:
        """By the names that messages and logs have."""
        result = load(changed("routes.0.kinds", [kind.value for kind in Kind]), today=TODAY)

        assert result.routes[0].filter.kinds == tuple(Kind)

    def test_a_destination_can_announce_each_stream(self) -> None:
        """For itself, and in the channel of a route; its notifier does not see that."""
        route = {"name": "first", "match": {"tag": "a"}, "notify": ["bot"], "channel": "C0PAYMENTS"}
        document = with_bot(route, announce=True)

        result = load(document, today=TODAY)

        announced = {name for name, entry in result.destinations.items() if entry.announce}
        assert announced == {"bot", "bot/C0PAYMENTS"}
        assert not any("announce" in entry.options for entry in result.destinations.values())


class TestReadPackaged:
    """The configuration that was packaged with the code."""

    def test_it_is_read_as_it_was_checked(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """alerts.json beside the code is parsed."""
        (tmp_path / "alerts.json").write_text(json.dumps(DOCUMENT), encoding="utf-8")
        monkeypatch.setattr(config, "ROOT", tmp_path)

        assert config.read_packaged() == parse(DOCUMENT)

    def test_a_package_without_it_says_how_to_build_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A missing file is a ConfigError that names the command."""
        monkeypatch.setattr(config, "ROOT", tmp_path)

        with pytest.raises(ConfigError, match="make package"):
            config.read_packaged()


class TestConfigHash:
    """The short name of a configuration."""

    def test_it_follows_the_content_only(self) -> None:
        """The order of keys does not matter; any value does."""
        turned = dict(reversed(list(DOCUMENT.items())))

        assert config_hash(DOCUMENT) == config_hash(turned)
        assert config_hash(DOCUMENT) != config_hash(changed("version", 2))
        assert len(config_hash(DOCUMENT)) == 12


ERRORS = [
    ("version", "1", "version: must be 1"),
    ("destination", {}, "destination: is not known here; did you mean destinations?"),
    (
        "zzz",
        1,
        (
            "zzz: is not known here; allowed: version, destinations, fallback, digest, "
            "repositories, streams, sources, owners, routes, suppressions"
        ),
    ),
    ("destinations", {}, "destinations: must not be empty"),
    ("destinations", None, "destinations: must be a mapping; there is nothing here"),
    (
        "destinations.audit-topic",
        "x",
        "destinations.audit-topic: must be a mapping that begins with its type",
    ),
    ("destinations.audit-topic", {}, "destinations.audit-topic: type is missing"),
    (
        "destinations.audit-topic.type",
        "sms",
        (
            f"destinations.audit-topic.type: must be one of {', '.join(sorted(NOTIFIERS))}; "
            "not 'sms'; did you mean sns?"
        ),
    ),
    *(
        (
            "destinations.audit-topic.type",
            wanted,
            (
                f"destinations.audit-topic.type: must be one of {', '.join(sorted(NOTIFIERS))}; "
                f"not '{wanted}'; {way}"
            ),
        )
        for wanted, way in (
            (
                "teams",
                "type sns with format amazon-q reaches Microsoft Teams by Amazon Q Developer",
            ),
            ("e-mail", "type sns with format text sends mail to the subscribers of a topic"),
        )
    ),
    (
        "destinations.audit-topic.topic",
        "x",
        "destinations.audit-topic.topic: is not known here; did you mean topic_arn?",
    ),
    (
        "destinations.audit-topic.topic_arn",
        "arn:aws:sns:eu-central-1:123456789012:alerts.fifos",
        (
            "destinations.audit-topic.topic_arn: must be the ARN of a topic, such as "
            "arn:aws:sns:eu-central-1:123456789012:scan-alerts"
        ),
    ),
    (
        "destinations.audit-topic.format",
        "xml",
        "destinations.audit-topic.format: must be one of text, json, ocsf, amazon-q; not 'xml'",
    ),
    (
        "destinations.security-jira.site",
        "http://example.atlassian.net",
        (
            "destinations.security-jira.site: must be the address of a site, https and without a "
            "path, such as https://example.atlassian.net"
        ),
    ),
    (
        "destinations.security-jira.project",
        "sec",
        "destinations.security-jira.project: must be the key of a project in capitals, such as SEC",
    ),
    (
        "destinations.security-jira.labels",
        ["two words"],
        "destinations.security-jira.labels[0]: must be one word: Jira labels have no blanks",
    ),
    (
        "destinations.security-jira.priority.HIHG",
        "High",
        "destinations.security-jira.priority.HIHG: is not known here; did you mean HIGH?",
    ),
    (
        "destinations.payments-slack.webhook",
        "payments-webhook",
        (
            "destinations.payments-slack.webhook: must name where the value is kept: "
            "{secret: ecr-scan-alerts/NAME} or {parameter: /ecr-scan-alerts/NAME}"
        ),
    ),
    (
        "destinations.payments-slack.webhook.secret",
        "payments-webhook",
        (
            "destinations.payments-slack.webhook.secret: must be the name of a secret that begins "
            "with ecr-scan-alerts/"
        ),
    ),
    (
        "destinations.payments-slack.webhook.parameter",
        "/ecr-scan-alerts/x",
        "destinations.payments-slack.webhook: must have at most 1 entry",
    ),
    (
        "destinations.security-jira.credentials.parameter",
        "ecr-scan-alerts/jira",
        (
            "destinations.security-jira.credentials.parameter: must be the name of a parameter "
            "that begins with /ecr-scan-alerts/"
        ),
    ),
    ("streams", ["a", "a"], "streams: must not name anything twice"),
    ("streams", [""], "streams[0]: must not be empty"),
    ("sources", ["a"], "sources: must be a mapping"),
    ("sources", {"a": 1}, "sources.a: must be text: put it in quotes"),
    (
        "sources",
        {"a": "payments"},
        (
            "sources.a: must be the address of a repository, such as "
            "https://github.com/example/payments or codecommit::eu-central-1://payments"
        ),
    ),
    ("routes", [], "routes: must not be empty"),
    ("routes.0", "x", "routes[0]: must be a mapping"),
    (
        "routes.0.name",
        "",
        (
            "routes[0].name: must begin with a letter or digit and hold only "
            "letters, digits, blanks, dots, hyphens and underscores"
        ),
    ),
    ("routes.0.name", "everything else", "routes[1].name: is the name of routes[0], too"),
    ("routes.0.match", {}, "routes[0].match: must not be empty"),
    (
        "routes.0.match",
        "x",
        'routes[0].match: must be a mapping such as {repository: "payments/*"}',
    ),
    (
        "routes.0.match.account",
        123456789012,
        ("routes[0].match.account: must be text or a list: put it in quotes"),
    ),
    ("routes.0.match.tag", [1.1], "routes[0].match.tag[0]: must be text: put it in quotes"),
    ("routes.0.match.tag", "x" * 300, "routes[0].match.tag: must have at most 256 characters"),
    ("routes.0.match.untagged", False, "routes[0].match.untagged: must be true"),
    (
        "routes.0.severity",
        "high",
        (
            "routes[0].severity: must be one of CRITICAL, HIGH, MEDIUM, LOW, INFORMATIONAL; "
            "not 'high'; did you mean HIGH?"
        ),
    ),
    ("routes.0.unknown_severity", "yes", "routes[0].unknown_severity: must be true or false"),
    ("routes.0.only", "fixable", "routes[0].only: must be a list"),
    (
        "routes.0.only",
        ["fixed"],
        (
            "routes[0].only[0]: must be one of fixable, exploitable, in-use; not 'fixed'; "
            "did you mean fixable?"
        ),
    ),
    (
        "routes.0.only",
        ["zzz"],
        "routes[0].only[0]: must be one of fixable, exploitable, in-use; not 'zzz'",
    ),
    (
        "routes.0.notify",
        ["payment-slack"],
        "routes[0].notify[0]: 'payment-slack' is not a destination; did you mean payments-slack?",
    ),
    (
        "routes.0.notify",
        ["zzz"],
        (
            "routes[0].notify[0]: 'zzz' is not a destination; there are: payments-slack, "
            "security-jira, audit-topic"
        ),
    ),
    (
        "routes.1.match",
        {"tag": "v*"},
        (
            "routes[1].match: the last route catches all, so it must not have a match; add a route "
            "below it"
        ),
    ),
    (
        "suppressions.0.id",
        "CVE-1 CVE-2",
        (
            "suppressions[0].id: must be the id of one vulnerability, "
            "without blanks, such as CVE-2023-4911"
        ),
    ),
    (
        "suppressions.0.expires",
        "soon",
        "suppressions[0].expires: must be a date such as 2027-01-31",
    ),
    ("suppressions.0.expires", "2027-02-29", "suppressions[0].expires: must be a day that exists"),
    ("suppressions.0.reason", "  ", "suppressions[0].reason: must say why in a few words"),
    (
        "suppressions.0.package",
        "a\tb",
        ("suppressions[0].package: must not hold line breaks or control characters"),
    ),
    ("suppressions.0", 1, "suppressions[0]: must be a mapping"),
    (
        "suppressions.0.version",
        1.5,
        "suppressions[0].version: must be text: put it in quotes",
    ),
    *(
        (
            "suppressions.0.purl",
            purl,
            (
                "suppressions[0].purl: must be a package URL such as pkg:deb/debian/openssl or "
                "pkg:npm/lodash@4.17.20"
            ),
        )
        for purl in ("openssl", "pkg:deb", "pkg:deb/", "pkg:deb/a@", "pkg:deb/debian/openssl#x")
    ),
    (
        "suppressions.0.purl",
        "pkg:deb/debian/openssl?checksum=1",
        (
            "suppressions[0].purl: can be limited by arch, distro, epoch after its ?, "
            "and nothing else"
        ),
    ),
    (
        "suppressions.0.digest",
        "sha256:12",
        (
            "suppressions[0].digest: must be the digest of an image: sha256: and 64 digits from 0 "
            "to f"
        ),
    ),
]


class TestErrors:
    """What keeps a file from being deployed."""

    @every(
        ("path", "value", "message"),
        ERRORS,
        ids=[each[0] for each in ERRORS],
    )
    def test_one_mistake_is_one_error(self, path: str, value: Any, message: str) -> None:
        """The error says where, and what is allowed."""
        assert f"error: {message}" in problems(changed(path, value))

    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("version", "version is missing"),
            ("routes", "routes is missing"),
            ("routes.0.notify", "routes[0]: notify is missing"),
            ("suppressions.0.reason", "suppressions[0]: reason is missing"),
            ("suppressions.0.expires", "suppressions[0]: expires is missing"),
            (
                "destinations.audit-topic.topic_arn",
                "destinations.audit-topic: topic_arn is missing",
            ),
        ],
    )
    def test_a_missing_part_is_named(self, path: str, message: str) -> None:
        """What is required and not there is an error at the part around it."""
        assert problems(without(path)) == [f"error: {message}"]

    @pytest.mark.parametrize(
        ("path", "misspelt", "known"),
        [
            ("routes", "route", "routes"),
            ("destinations", "destination", "destinations"),
            ("destinations.payments-slack.webhook", "webhok", "webhook"),
            ("destinations.audit-topic.topic_arn", "topic", "topic_arn"),
            ("routes.0.notify", "notfy", "notify"),
        ],
    )
    def test_a_misspelt_key_is_one_error(self, path: str, misspelt: str, known: str) -> None:
        """That the right one is missing follows from it."""
        document = without(path)
        *parents, _ = path.split(".")
        part = at(document, parents)
        part[misspelt] = at(DOCUMENT, path.split("."))

        (problem,) = problems(document)

        assert problem.endswith(f"{misspelt}: is not known here; did you mean {known}?")

    def test_a_bot_with_a_misspelt_key_has_one_error(self) -> None:
        """A token asks for a channel, and a channel for a token."""
        token = {"secret": "ecr-scan-alerts/bot"}
        bot = {"type": "slack", "token": token, "chanel": "C0123ALERTS"}
        other = {"type": "slack", "tokn": token, "channel": "C0123ALERTS"}

        for entry, known in ((bot, "channel"), (other, "token")):
            (problem,) = problems(changed("destinations.payments-slack", entry))
            assert f"did you mean {known}?" in problem

    def test_a_key_that_begins_as_the_word_does_is_meant(self) -> None:
        """Though region has as many of its letters."""
        (problem,) = problems(changed("routes.0.match.repo", "a"))

        assert "did you mean repository?" in problem

    @pytest.mark.parametrize(
        ("name", "place"),
        [
            ("payments", "routes[0].severity (route payments): must be"),
            ("everything new", "routes[0].severity (route everything new): must be"),
            (WEBHOOK, "routes[0].severity: must be"),
            (1, "routes[0].severity: must be"),
        ],
    )
    def test_a_route_is_named(self, name: Any, place: str) -> None:
        """By the name that people gave it; a number has to be counted out."""
        document = changed("routes.0.severity", "SEVERE")
        document["routes"][0]["name"] = name

        texts = [str(problem) for problem in check(document, today=TODAY)]

        assert any(text.startswith(place) for text in texts)
        assert WEBHOOK not in "".join(texts)

    def test_the_name_of_a_route_is_not_named_twice(self) -> None:
        """Where the name itself is wrong."""
        document = changed("routes.1.name", DOCUMENT["routes"][0]["name"])

        (problem,) = check(document, today=TODAY)

        assert str(problem) == "routes[1].name: is the name of routes[0], too"

    @pytest.mark.parametrize("document", [None, [], "text", 1])
    def test_a_file_must_be_a_mapping(self, document: Any) -> None:
        """An empty file, a list or a text is one error without a path."""
        (problem,) = check(document, today=TODAY)

        assert problem.path == ()
        assert str(problem).startswith("must be a mapping with version, destinations and routes")

    def test_all_errors_come_at_once(self) -> None:
        """Nobody has to correct a file one error at a time."""
        document = changed("routes.0.severity", "high")
        document["routes"][1]["notify"] = ["nobody"]
        document["destinations"]["audit-topic"]["topic"] = "x"

        assert len(problems(document)) == 3

    def test_names_of_destinations_are_checked(self) -> None:
        """Names go into ids and log lines, so their form is limited."""
        document = changed("destinations.two words", DOCUMENT["destinations"]["audit-topic"])

        assert problems(document) == [
            (
                "error: destinations.(a key): the name of a destination is made of letters, "
                "digits, hyphens and underscores"
            )
        ]

    def test_at_most_500_destinations(self) -> None:
        """That is more than a transaction of DynamoDB has room for: views are written by 25."""
        entry = DOCUMENT["destinations"]["audit-topic"]
        many = {f"topic-{number}": entry for number in range(501)}

        assert "error: destinations: must have at most 500 entries" in problems(
            changed("destinations", {**many})
        )

    def test_a_rule_without_words_is_still_an_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The schema of a new notifier may use any rule of JSON Schema."""
        schema = {"properties": {"channel": {"minimum": 5}, "name": {"pattern": "^a"}}}
        (tmp_path / "notifiers").mkdir()
        (tmp_path / "notifiers" / "pager.json").write_text(json.dumps(schema), encoding="utf-8")
        (tmp_path / "alerts-1.0.0.json").symlink_to(ROOT / "schemas" / "alerts-1.0.0.json")
        monkeypatch.setattr(config_schema, "_SCHEMAS", tmp_path)
        pager = {"type": "pager", "channel": 1, "name": "b"}
        document = {
            "version": 1,
            "destinations": {"pager": pager},
            "routes": [{"name": "all", "notify": ["pager"]}],
        }

        assert problems(document) == [
            "error: destinations.pager.channel: breaks the rule minimum of its schema",
            "error: destinations.pager.name: breaks the rule pattern of its schema",
        ]


SECRETS = [
    WEBHOOK,
    "xoxb" + "-12345-abcdef",
    "ATATT3x" + "FfGF0abcdef",
    "AKIA" + "ABCDEFGHIJKLMNOP",
    "whsec_" + "bm90LWEtcmVhbC1zZWNyZXQ=",
    "https://user:" + "password@example.atlassian.net",
]


class TestReceiverHosts:
    """What the runtime will refuse to call is said before it is deployed."""

    SITE = "destinations.security-jira.site"

    @pytest.mark.parametrize(
        "site",
        ["https://jira.example.com", "https://atlassian.net", "https://example.atlassian.net.io"],
    )
    def test_a_host_that_is_not_the_vendors_is_a_warning(self, site: str) -> None:
        """The deployment could still name it, so the way to do that is said."""
        (problem,) = check(changed(self.SITE, site), today=TODAY)

        assert (problem.where, problem.level) == (self.SITE, "warning")
        assert "unless receiverHosts in the stage file names this host" in problem.message
        assert "(.atlassian.net)" in problem.message

    @pytest.mark.parametrize(
        "site",
        [
            "https://EXAMPLE.atlassian.net/",
            "https://127.0.0.1:8443",
            "http://localhost:8765",
            "https://jira.example.com:8443",
            "https://a.below.example.org",
        ],
    )
    def test_hosts_that_may_be_called_are_fine(self, site: str) -> None:
        """The vendor's, those that the deployment names, and loopback for the demo."""
        found = check(
            changed(self.SITE, site),
            today=TODAY,
            receiver_hosts=("jira.example.com", ".below.example.org"),
        )

        assert found == ()

    @pytest.mark.parametrize(
        "site",
        ["https://.atlassian.net", "https://a..atlassian.net", "https://-", "https://a.net:123456"],
    )
    def test_what_is_no_host_is_an_error(self, site: str) -> None:
        """No deployment can name it."""
        (problem,) = check(changed(self.SITE, site), today=TODAY)

        assert problem.level == "error"

    @pytest.mark.parametrize("name", NOTIFIERS)
    def test_schemas_know_the_hosts_of_their_notifiers(self, name: str) -> None:
        """x-hosts repeats hosts of the notifier: the check must not import what it checks for."""
        schema = json.loads((ROOT / "schemas" / "notifiers" / f"{name}.json").read_text())

        stated = [each["x-hosts"] for each in schema["properties"].values() if "x-hosts" in each]

        assert all(set(each) <= set(NOTIFIERS[name].hosts) for each in stated)


HOOK = {
    "type": "webhook",
    "host": "hooks.example.com",
    "url": {"secret": "ecr-scan-alerts/hook-url"},
    "secret": {"parameter": "/ecr-scan-alerts/hook-secret"},
}


class TestWebhook:
    """A receiver without a vendor."""

    @pytest.mark.parametrize(
        "host", ["hooks.example.com", "a-b.c1.example", "x.y", "localhost", "127.0.0.1"]
    )
    def test_a_host_is_a_name(self, host: str) -> None:
        """Of one host; this machine is for tests and the demo."""
        assert problems(changed("destinations.audit-topic", {**HOOK, "host": host})) == []

    @every(
        "host",
        [
            "169.254.169.254",
            "10.0.0.1",
            "127.0.0.2",
            "2852039166",
            "0xa9.0xfe.0xa9.0xfe",
            "0xa9fea9fe",
            "[fd00:ec2::254]",
            "fd00:ec2::254",
            "::1",
            "intranet",
            ".example.com",
            "a..example.com",
            "-a.example.com",
            "*.example.com",
            "Hooks.example.com",
            "hooks.example.com:8443",
            "hooks.example.com/path",
            "https://hooks.example.com",
            "user@hooks.example.com",
            "",
        ],
    )
    def test_anything_else_is_an_error(self, host: str) -> None:
        """No address, in no spelling: those of metadata services and inner networks are among."""
        (problem,) = problems(changed("destinations.audit-topic", {**HOOK, "host": host}))

        assert problem.startswith(
            "error: destinations.audit-topic.host: must be the name of a host in lower case"
        )

    @pytest.mark.parametrize("option", ["host", "url", "secret"])
    def test_every_option_is_needed(self, option: str) -> None:
        """Nothing is sent unsigned, and nothing to wherever a secret points."""
        entry = {name: value for name, value in HOOK.items() if name != option}

        assert problems(changed("destinations.audit-topic", entry)) == [
            f"error: destinations.audit-topic: {option} is missing"
        ]

    def test_url_and_secret_stand_there_by_name(self) -> None:
        """As for every receiver."""
        entry = {**HOOK, "url": "https://hooks.example.com/a"}

        (problem,) = problems(changed("destinations.audit-topic", entry))

        assert problem.startswith("error: destinations.audit-topic.url: must name where the value")


PAGER = {"type": "pagerduty", "routing_key": {"secret": "ecr-scan-alerts/pagerduty"}}


class TestPagerDuty:
    """An integration key, and where it is good."""

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"region": "eu"},
            {"site": "https://events.eu.pagerduty.com"},
            {"severity": {"CRITICAL": "error", "SCAN_FAILED": "critical"}},
        ],
    )
    def test_the_key_is_enough(self, options: Any) -> None:
        """All else has a default."""
        assert problems(changed("destinations.audit-topic", PAGER | options)) == []

    @pytest.mark.parametrize(
        ("options", "where", "message"),
        [
            ({"region": "asia"}, ".region", "must be one of us, eu"),
            ({"region": "eu", "site": "https://events.pagerduty.com"}, "", "has a region and a"),
            ({"severity": {}}, ".severity", "must not be empty"),
            ({"severity": {"HIGH": "high"}}, ".severity.HIGH", "must be one of critical, error"),
            ({"severity": {"high": "error"}}, ".severity.high", "is not known here"),
            ({"routing_key": "notarealkey"}, ".routing_key", "must name where the value is kept"),
        ],
    )
    def test_mistakes_are_said(self, options: Any, where: str, message: str) -> None:
        """In words, at their place."""
        (problem,) = problems(changed("destinations.audit-topic", PAGER | options))

        assert problem.startswith(f"error: destinations.audit-topic{where}: {message}")

    def test_another_site_has_to_be_named_by_the_deployment(self) -> None:
        """As for every receiver."""
        site = {"site": "https://pager.example.com"}

        (problem,) = problems(changed("destinations.audit-topic", PAGER | site))

        assert problem.startswith("warning: destinations.audit-topic.site: is not at the vendor's")


class TestWhoMayBeCalled:
    """The vendor and whom the deployment names; or one host alone."""

    NAMED = ("127.0.0.1", ".example.org")

    def test_a_vendor_has_its_hosts_and_those_that_were_named(self) -> None:
        """As for every receiver with a vendor."""
        hosts = DestinationConfig("jira", {}).hosts((".atlassian.net",), self.NAMED)

        assert hosts == (".atlassian.net", "127.0.0.1", ".example.org")

    @pytest.mark.parametrize("named", [(), NAMED])
    def test_a_host_of_its_own_is_the_only_one(self, named: tuple[str, ...]) -> None:
        """What others may call is nothing to it."""
        made = DestinationConfig("webhook", {"host": "hooks.example.com"})

        assert made.hosts((), named) == ("hooks.example.com",)

    def test_this_machine_has_to_be_named_by_the_deployment(self) -> None:
        """In a function it is the runtime's own interface that listens there."""
        made = DestinationConfig("webhook", {"host": "127.0.0.1"})

        assert made.hosts((), ()) == ()
        assert made.hosts((), self.NAMED) == ("127.0.0.1",)


class TestSecrets:
    """A secret in the wrong place is refused and never repeated."""

    @every("secret", SECRETS)
    @every(
        "path",
        [
            "destinations.payments-slack.webhook",
            "destinations.payments-slack.webhook.secret",
            "destinations.security-jira.site",
            "destinations.security-jira.credentials",
            "routes.0.severity",
            "routes.0.notify",
            "suppressions.0.reason",
        ],
    )
    def test_a_pasted_secret_is_refused(self, path: str, secret: str) -> None:
        """The error says what to do with it, and does not hold it."""
        document = changed(path, secret)

        text = repr(check(document, today=TODAY))

        assert "this looks like a secret itself" in text
        assert secret not in text

    def test_it_is_the_only_error_there(self) -> None:
        """That it has the wrong form, too, would only distract."""
        found = problems(changed("destinations.payments-slack.webhook.secret", WEBHOOK))

        assert len(found) == 1

    def test_a_secret_as_a_key_is_not_written(self) -> None:
        """A key of another form than ours is not repeated."""
        document = changed("zzz", 1)
        document["destinations"][WEBHOOK] = {"type": "slack"}
        document["routes"][0]["match"][WEBHOOK] = "x"
        document["routes"][0]["notify"] = ["nobody"]

        assert "hooks.slack" not in "\n".join(problems(document))

    @pytest.mark.parametrize(
        ("value", "quoted"),
        [
            ("SEVERE", True),
            ("team-mail", True),
            ("hunter2", False),
            ("x" * 25, False),
            ("two words", False),
            ("xoxb-abcdef", False),
        ],
    )
    def test_only_a_plain_word_is_repeated(self, value: str, quoted: bool) -> None:  # noqa: FBT001  # a case
        """Where one of a few words is expected: a short one without a digit."""
        document = changed("routes.0.severity", value)
        document["routes"][0]["notify"] = [value]

        texts = problems(document)

        assert len(texts) == 2
        assert [f"'{value}'" in text for text in texts] == [quoted, quoted]

    @settings(max_examples=25)
    @given(text=st.text(alphabet="abcXYZ0123456789/-_", min_size=12, max_size=40))
    def test_no_value_is_ever_repeated(self, text: str) -> None:
        """Whatever stands where, messages are made of paths and rules, and of plain words."""
        # Stands in no example of ours, as an account id or a part of an ARN may.
        value = f"Z7{text}Z"
        document = changed("destinations.payments-slack.webhook", value)
        document["destinations"]["audit-topic"]["topic_arn"] = value
        document["routes"][0]["severity"] = value
        document["routes"][0]["notify"] = [value]
        document["suppressions"][0]["expires"] = value

        found = problems(document)

        assert len(found) == 5
        assert value not in "\n".join(found)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
PATHS = [
    "version",
    "destinations",
    "destinations.audit-topic",
    "destinations.audit-topic.type",
    "destinations.security-jira.priority",
    "streams",
    "sources",
    "owners",
    "owners.web/*",
    "routes",
    "routes.0",
    "routes.0.match",
    "routes.0.match.tag",
    "routes.1.name",
    "routes.0.notify",
    "routes.0.kinds",
    "suppressions",
    "suppressions.0",
    "suppressions.0.expires",
]


@settings(max_examples=50)
@given(path=st.sampled_from(PATHS), value=JSON)
def test_any_document_is_checked_without_a_crash(path: str, value: Any) -> None:
    """Whatever is written anywhere: errors, or a document that parses."""
    document = changed(path, value)

    found = check(document, today=TODAY)

    assert any(each.level == "error" for each in found) or parse(document)


class TestWarnings:
    """What is allowed but hardly meant."""

    def test_a_valid_document_has_none(self) -> None:
        """Nothing to say about a good file."""
        assert problems(DOCUMENT) == []

    def test_a_kind_that_is_never_notified(self) -> None:
        """A message about nothing does not exist."""
        assert problems(changed("routes.0.kinds", ["NEW", "UNCHANGED"])) == [
            "warning: routes[0].kinds[1]: has no effect: nothing is notified where nothing differs"
        ]

    @pytest.mark.parametrize(
        ("tag", "repository", "expected"),
        [
            ("prod-1", "payments/*", ["warning: routes[1].match.tag: shares tags with routes[0]"]),
            (["prod-*", "v*"], "payments/*", []),
            ("main-*", "payments/*", []),
            ("prod-1", "legacy", []),
        ],
    )
    def test_tags_of_routes_that_overlap(
        self, tag: Any, repository: str, expected: list[str]
    ) -> None:
        """Without streams each list is one, and a tag is in one of them."""
        document = without("streams")
        other = {"name": "other", "match": {"repository": repository, "tag": tag}, "notify": []}
        document["routes"][1:1] = [other, {**other, "name": "again", "continue": True}]
        document["routes"][1]["continue"] = True

        found = [line for line in problems(document) if "shares tags" in line]

        assert [line.partition(", whose")[0] for line in found] == expected
        assert found == [] or "say in streams which tags belong together" in found[0]

    @pytest.mark.parametrize(
        ("expires", "message"),
        [
            (
                "2026-11-22",
                "expired on 2026-11-22: its findings are reported again. Remove or renew it",
            ),
            ("2026-11-23", "expires soon, on 2026-11-23"),
            ("2026-11-30", "expires soon, on 2026-11-30"),
        ],
    )
    def test_a_suppression_that_ends(self, expires: str, message: str) -> None:
        """Expired entries, and those that end within a week, are said."""
        assert problems(changed("suppressions.0.expires", expires)) == [
            f"warning: suppressions[0].expires: {message}"
        ]

    @pytest.mark.parametrize(
        ("second", "warnings"),
        [
            ({}, ["warning: suppressions[1]: has no effect: suppressions[0] covers it"]),
            (
                {"expires": "2027-06-30"},
                ["warning: suppressions[0]: has no effect: suppressions[1] covers it"],
            ),
            (
                {"id": "cve-2023-4911"},
                ["warning: suppressions[1]: has no effect: suppressions[0] covers it"],
            ),
            ({"package": "musl"}, []),
        ],
    )
    def test_a_suppression_without_effect(
        self, second: dict[str, str], warnings: list[str]
    ) -> None:
        """An entry that another one covers does nothing."""
        first = DOCUMENT["suppressions"][0]

        assert problems(changed("suppressions", [first, {**first, **second}])) == warnings

    def test_a_destination_that_nobody_uses(self) -> None:
        """A destination without a route is perhaps a forgotten route."""
        document = changed("routes.0.notify", ["security-jira"])

        assert problems(document) == [
            "warning: destinations.payments-slack: no route notifies this"
        ]

    @every(
        ("earlier", "later", "reached"),
        [
            (None, {"tag": "v*"}, False),
            ({"tag": "v*"}, {"tag": "v*"}, False),
            ({"tag": ["v*", "w*"]}, {"tag": "v*", "region": "eu-*"}, False),
            ({"untagged": True, "tag": "v*"}, {"untagged": True}, False),
            ({"tag": "v*"}, {"untagged": True}, True),
            ({"tag": "v*"}, {"untagged": True, "tag": "v*"}, True),
            ({"tag": "v*", "region": "eu-*"}, {"tag": "v*"}, True),
            ({"repository": "a"}, {"repository": "b"}, True),
            ({"account": "1"}, {"platform": "linux/*"}, True),
        ],
    )
    def test_a_route_that_is_never_reached(
        self, earlier: dict[str, Any] | None, later: dict[str, Any], *, reached: bool
    ) -> None:
        """A route below one that takes all of its images is said."""
        names = list(DOCUMENT["destinations"])
        first = {"name": "first", "notify": names} | ({"match": earlier} if earlier else {})
        document = changed(
            "routes",
            [
                first,
                {"name": "second", "match": later, "notify": names},
                {"name": "last", "notify": names},
            ],
        )

        message = "warning: routes[1]: is never reached: routes[0] takes all of its images first"
        assert (message not in problems(document)) is reached

    def test_a_route_after_one_that_continues_is_reached(self) -> None:
        """With `continue`, nothing is taken away."""
        document = changed("routes.0", {"name": "a", "notify": ["audit-topic"], "continue": True})
        document["destinations"] = {"audit-topic": DOCUMENT["destinations"]["audit-topic"]}

        assert problems(document) == []

    def test_a_comparison_with_no_other_stream_is_a_warning(self) -> None:
        """A typing error would compare pull requests with the rest of the repository."""
        streams = ["main-*", {"tag": "pr-*", "compare_with": "mian-*"}]

        (problem,) = problems({**DOCUMENT, "streams": streams})

        assert problem.startswith("warning: streams[1].compare_with: no other stream has this")

    def test_the_last_route_may_be_out_of_reach(self) -> None:
        """Two routes that catch all: the second one is never asked."""
        document = changed("routes.0", {"name": "a", "notify": list(DOCUMENT["destinations"])})

        assert problems(document) == [
            "warning: routes[1]: is never reached: routes[0] takes all of its images first"
        ]


BOT: dict[str, Any] = {
    "type": "slack",
    "token": {"secret": "ecr-scan-alerts/bot"},
    "channel": "C0123ALERTS",
}


def with_bot(*routes: dict[str, Any], **bot: Any) -> dict[str, Any]:
    """Return a document with a bot and a webhook; the last route is added."""
    return {
        "version": 1,
        "destinations": {
            "bot": {**BOT, **bot},
            "hook": {"type": "slack", "webhook": {"secret": "ecr-scan-alerts/hook"}},
        },
        "routes": [*routes, {"name": "last", "notify": ["bot", "hook"]}],
    }


class TestSlackBots:
    """Webhook or token, and channels of routes."""

    @pytest.mark.parametrize(
        ("entry", "message"),
        [
            ({}, "needs a webhook, or a bot's token and a channel"),
            ({**BOT, "webhook": BOT["token"]}, "has a webhook and a token; a message can go only"),
            ({"token": BOT["token"]}, "has a token but no channel; add the id of the channel"),
            ({"webhook": BOT["token"], "channel": "C0123ALERTS"}, "has no token: channel and site"),
            ({"webhook": BOT["token"], "site": "https://slack.com"}, "has no token: channel and"),
        ],
    )
    def test_a_bot_is_no_webhook(self, entry: dict[str, Any], message: str) -> None:
        """What is missing or mixed is said in words."""
        document = with_bot()
        document["destinations"]["bot"] = {**entry, "type": "slack"}

        (problem,) = problems(document)

        assert problem.startswith(f"error: destinations.bot: {message}")

    @pytest.mark.parametrize("channel", ["#alerts", "alerts", "D0123ALERTS", "C1", "c0123alerts"])
    def test_a_channel_is_named_by_its_id(self, channel: str) -> None:
        """Names can change, and history is read by id; the same holds in routes."""
        route = {"name": "first", "match": {"tag": "a"}, "notify": ["bot"], "channel": channel}

        found = problems(with_bot(route, channel=channel))

        assert [each.partition(", such as")[0] for each in found] == [
            "error: routes[0].channel: must be the id of a channel",
            "error: destinations.bot.channel: must be the id of a channel",
        ]

    @pytest.mark.parametrize("notify", [["hook"], ["hook", 7]])
    def test_a_channel_needs_a_bot(self, notify: list[Any]) -> None:
        """A webhook is bound to the channel that it was made for."""
        route = {"name": "first", "match": {"tag": "a"}, "notify": notify, "channel": "C0PAYMENTS"}

        found = problems(with_bot(route))

        assert any(each.startswith("error: routes[0].channel: needs a Slack") for each in found)

    def test_a_bot_in_another_channel_is_another_destination(self) -> None:
        """It has options, queue and pause of its own; whoever has no channel stays the same."""
        route = {"name": "first", "match": {"tag": "a"}, "channel": "C0PAYMENTS"}
        own = {"name": "second", "match": {"tag": "b"}, "channel": "C0123ALERTS", "notify": ["bot"]}

        result = load(with_bot({**route, "notify": ["bot", "hook"]}, own), today=TODAY)

        assert [each.notify for each in result.routes] == [
            ("bot/C0PAYMENTS", "hook"),
            ("bot",),
            ("bot", "hook"),
        ]
        assert list(result.destinations) == ["bot", "hook", "bot/C0PAYMENTS"]
        assert result.destinations["bot/C0PAYMENTS"].options["channel"] == "C0PAYMENTS"
        assert result.destinations["bot"].options["channel"] == "C0123ALERTS"

    def test_a_bot_in_channels_of_routes_alone_is_used(self) -> None:
        """Its own channel is then only a default."""
        document = with_bot()
        document["routes"] = [{"name": "all", "notify": ["bot", "hook"], "channel": "C0PAYMENTS"}]

        assert problems(document) == []

    def test_a_bot_elsewhere_needs_its_host_named(self) -> None:
        """As for every receiver: at the vendor's hosts, or named by the deployment."""
        document = with_bot(site="https://slack.example.com")

        (problem,) = problems(document)

        assert problem.startswith("warning: destinations.bot.site: is not at the vendor's hosts")
        assert check(document, today=TODAY, receiver_hosts=["slack.example.com"]) == ()
        assert problems(with_bot(site="https://slack-gov.com")) == []


class TestProblem:
    """How a problem says where it is."""

    @pytest.mark.parametrize(
        ("path", "where"),
        [
            ((), ""),
            (("routes", 0, "notify", 1), "routes[0].notify[1]"),
            (("destinations", "a b", "type"), "destinations.(a key).type"),
            (("destinations", SECRETS[1]), "destinations.(a key)"),
        ],
    )
    def test_the_path_is_written_as_people_do(self, path: ConfigPath, where: str) -> None:
        """Names with dots, places in brackets, unusual keys not at all."""
        assert Problem(path, "message").where == where


class TestSchemas:
    """The published schemas, which editors complete from."""

    SCHEMAS = sorted((ROOT / "schemas" / "notifiers").glob("*.json"))

    @pytest.mark.parametrize("path", [*SCHEMAS, ROOT / "schemas" / "alerts-1.0.0.json"], ids=str)
    def test_a_schema_is_one(self, path: Path) -> None:
        """Every schema is valid, titled and described."""
        schema = json.loads(path.read_text(encoding="utf-8"))

        Draft202012Validator.check_schema(schema)
        assert schema["title"]
        assert schema["description"]

    @pytest.mark.parametrize("path", SCHEMAS, ids=str)
    def test_examples_are_valid(self, path: Path) -> None:
        """What an editor offers passes the check."""
        schema = json.loads(path.read_text(encoding="utf-8"))

        assert schema["examples"]
        for example in schema["examples"]:
            Draft202012Validator(schema).validate(example)

    def test_every_notifier_is_offered_to_editors(self) -> None:
        """A new schema under schemas/notifiers needs its line in alerts-1.0.0.json."""
        schema = json.loads((ROOT / "schemas" / "alerts-1.0.0.json").read_text(encoding="utf-8"))

        offered = [each["$ref"] for each in schema["$defs"]["destination"]["oneOf"]]

        assert offered == [f"notifiers/{each}.json" for each in known_types()], (
            "list every schema of schemas/notifiers in schemas/alerts-1.0.0.json "
            "($defs.destination.oneOf), in the order of their names"
        )

    def test_editors_and_the_check_agree(self) -> None:
        """The schema with all its references accepts what the check accepts."""
        resources = [
            (f"notifiers/{each.name}", Resource.from_contents(json.loads(each.read_text("utf-8"))))
            for each in self.SCHEMAS
        ]
        schema = json.loads((ROOT / "schemas" / "alerts-1.0.0.json").read_text(encoding="utf-8"))
        validator = Draft202012Validator(schema, registry=Registry().with_resources(resources))

        validator.validate(DOCUMENT)

        assert not validator.is_valid(changed("destinations.audit-topic.topic", "x"))


def test_the_fallback_is_a_destination() -> None:
    """It is read from the file, counts as used, and must exist."""
    document = copy.deepcopy(DOCUMENT)
    known = next(iter(document["destinations"]))

    good = load({**document, "fallback": known}, today=TODAY)
    (problem,) = check({**document, "fallback": "nobody"}, today=TODAY)

    assert good.fallback == known
    assert load(document, today=TODAY).fallback is None
    assert problem.path == ("fallback",)
    assert "is not a destination" in problem.message


class TestDigest:
    def test_it_is_weekly_on_monday_unless_it_says_so(self) -> None:
        usual = load(with_digest(notify=["payments-slack"]), today=TODAY).digest
        daily = load(with_digest(notify=["payments-slack"], every="day", at="18:30"), today=TODAY)
        friday = load(with_digest(notify=["payments-slack"], on="friday"), today=TODAY)

        assert usual == Schedule((Destination("payments-slack"),), weekday=0, at=time(7, 0))
        assert daily.digest == Schedule((Destination("payments-slack"),), None, time(18, 30))
        assert friday.digest is not None
        assert friday.digest.weekday == 4

    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            ({}, "digest: notify is missing"),
            ({"notify": []}, "digest.notify: must not be empty"),
            ({"notify": ["nobody"]}, "digest.notify[0]: 'nobody' is not a destination"),
            ({"notify": ["payments-slack"], "at": "7"}, "digest.at: must be a time of day in UTC"),
            (
                {"notify": ["payments-slack"], "on": "x"},
                "digest.on: must be one of monday, tuesday",
            ),
            (
                {"notify": ["payments-slack"], "every": "day", "on": "monday"},
                "digest.on: has no meaning for a digest of every day",
            ),
            ({"notify": [7]}, "digest.notify[0]: must be text: put it in quotes"),
        ],
    )
    def test_mistakes_are_said(self, fields: Any, problem: str) -> None:
        (said,) = problems(with_digest(**fields))

        assert said.startswith(f"error: {problem}")

    def test_a_format_without_digests_is_refused(self) -> None:
        document = with_digest(notify=["audit-topic"])
        document["destinations"]["audit-topic"]["format"] = "ocsf"

        assert problems(document) == [
            "error: digest.notify[0]: takes no digests: OCSF has no event for them"
        ]

    def test_a_channel_of_a_route_may_hear_of_it(self) -> None:
        document = with_digest(notify=["bot/C0PAYMENTS"])
        document["destinations"]["bot"] = {
            "type": "slack",
            "token": {"secret": "ecr-scan-alerts/bot"},
            "channel": "C0ALERTS",
        }
        document["routes"][0] |= {"notify": ["bot"], "channel": "C0PAYMENTS"}

        assert not [each for each in problems(document) if each.startswith("error")]
        digest = load(document, today=TODAY).digest
        assert digest is not None
        assert digest.notify == ("bot/C0PAYMENTS",)

    def test_one_that_no_route_leads_to_is_doubted(self) -> None:
        document = with_digest(notify=["payments-slack"])
        for route in document["routes"]:
            route["notify"] = ["audit-topic"]

        assert (
            "warning: digest.notify[0]: no route leads to it, so its digest is empty"
            in problems(document)
        )


def with_digest(**fields: Any) -> Any:
    return {**copy.deepcopy(DOCUMENT), "digest": fields}


class TestRepositories:
    """How repositories should be set up."""

    def test_nobody_looks_unless_asked(self) -> None:
        assert load(DOCUMENT, today=TODAY).repositories is None

    def test_an_empty_mapping_asks_for_the_defaults(self) -> None:
        assert load(changed("repositories", {}), today=TODAY).repositories == Expectations()

    def test_all_of_it_can_be_chosen(self) -> None:
        chosen = {
            "keep": 5,
            "allow_mutable": ["latest"],
            "encryption": "KMS",
            "scanned_within": 7,
            "price": 0.2,
        }

        found = load(changed("repositories", chosen), today=TODAY).repositories

        assert found == Expectations(5, (MutableTags(("latest",)),), "KMS", 7, 0.2)

    def test_tags_may_be_mutable_in_some_repositories(self) -> None:
        chosen = [
            "latest",
            {"tag": ["cache-*", "buildcache"], "repository": "shop/*"},
            {"repository": ["caches/*"]},
            {"tag": "dev"},
        ]

        found = load(changed("repositories", {"allow_mutable": chosen}), today=TODAY).repositories

        assert found is not None
        assert found.mutable_tags("pay") == ("latest", "dev")
        assert found.mutable_tags("shop/api") == ("latest", "cache-*", "buildcache", "dev")
        assert found.mutable_tags("caches/a") == ("latest", "*", "dev")

    @every(
        ("entry", "said"),
        [
            (None, "repositories: must be a mapping such as {keep: 20}"),
            ([], "repositories: must be a mapping such as {keep: 20}"),
            ({"keep": 0}, "repositories.keep: must be a number of images from 1 to 100000"),
            ({"keep": "20"}, "repositories.keep: must be a number of images from 1 to 100000"),
            ({"scanned_within": 1.5}, "repositories.scanned_within: must be a number of days"),
            ({"price": -1}, "repositories.price: must be a number of USD"),
            ({"encryption": "kms"}, "repositories.encryption: must be one of AES256, KMS"),
            ({"allow_mutable": "latest"}, "repositories.allow_mutable: must be a list"),
            (
                {"allow_mutable": [1]},
                "repositories.allow_mutable[0]: must be a tag pattern such as",
            ),
            ({"allow_mutable": [{}]}, "repositories.allow_mutable[0]"),
            (
                {"allow_mutable": [{"tags": "x"}]},
                "repositories.allow_mutable[0].tags: is not known here; did you mean tag?",
            ),
            ({"keeps": 5}, "repositories.keeps: is not known here; did you mean keep?"),
        ],
    )
    def test_a_mistake_is_named(self, entry: Any, said: str) -> None:
        (found,) = problems(changed("repositories", entry))

        assert said in found

    def test_a_route_can_be_about_them(self) -> None:
        document = changed("routes.0.match", {"source": "repository"})

        match = load(document, today=TODAY).routes[0].match

        assert match == Match(source=("repository",))
