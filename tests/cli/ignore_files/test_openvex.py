"""OpenVEX: statements about vulnerabilities in products."""

import base64
import json
from typing import Any

import pytest

from cli.ignore_files import format_of
from cli.ignore_files.rules import IgnoreRule, Rule
from lib.errors import DocumentError
from tests.cli.ignore_files.origins import example, ignored, rules_of, skipped
from tests.support.builders import a_digest
from tests.support.every import every

ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
LODASH = "pkg:npm/lodash@4.17.20"
EARLIER, LATER = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"


def a_statement(*products: Any, **fields: Any) -> dict[str, Any]:
    """Return a statement that is taken over."""
    defaults = {
        "vulnerability": {"name": "CVE-2024-1"},
        "products": [{"@id": each} if isinstance(each, str) else each for each in products],
        "status": "not_affected",
        "justification": "component_not_present",
    }
    return {**defaults, **fields}


def rules(*statements: Any, **fields: Any) -> list[Rule]:
    """Return the rules of a document."""
    document = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "timestamp": EARLIER,
        "statements": statements,
    }
    return rules_of("openvex", json.dumps({**document, **fields}))


def whys(found: list[Rule]) -> list[str]:
    """Return why rules are skipped."""
    return [why for _, _, why in skipped(found)]


def test_an_example_is_read() -> None:
    """Images by repository and digest, packages in them, and packages anywhere."""
    why = "vulnerable code not present: The class is in log4j-core, which is not there."
    api = "pkg:maven/org.apache.logging.log4j/log4j-api@2.14.1"
    bridge = "pkg:maven/org.apache.logging.log4j/log4j-to-slf4j"
    digest = "sha256:3f53bb00af943dfdf815650be70c0fa7b426e56a66f5e3362b47a129d57d5991"
    glibc = "vulnerable code cannot be controlled by adversary"

    assert ignored(example("openvex", "team.openvex.json")) == [
        IgnoreRule(9, "CVE-2021-44228", purl=api, repository="payments/api", reason=why),
        IgnoreRule(9, "GHSA-jfh8-c2jp-5v3q", purl=api, repository="payments/api", reason=why),
        IgnoreRule(9, "CVE-2021-44228", purl=bridge, repository="payments/api", reason=why),
        IgnoreRule(9, "GHSA-jfh8-c2jp-5v3q", purl=bridge, repository="payments/api", reason=why),
        IgnoreRule(27, "CVE-2023-4911", digest=digest, reason=glibc),
        IgnoreRule(27, "CVE-2023-4911", repository="base", reason=glibc),
        IgnoreRule(27, "CVE-2023-4911", repository="*/base", reason=glibc),
        IgnoreRule(
            39,
            "CVE-2024-6119",
            purl="pkg:deb/debian/openssl@3.0.13-1~deb12u1",
            reason="fixed: backported",
        ),
        IgnoreRule(
            49,
            "CVE-2024-1000",
            purl="pkg:npm/express@4.18.0",
            reason="vulnerable code not in execute path",
        ),
    ]


def test_what_an_entry_cannot_say_is_skipped() -> None:
    """Each with the line of its statement and the reason."""
    assert skipped(example("openvex", "team.openvex.json")) == [
        (
            27,
            "CVE-2023-4911 in pkg:oci/api?repository_url=ghcr.io/example/api",
            "pkg:oci/api?repository_url=ghcr.io/example/api is about an image that is not in ECR",
        ),
        (
            27,
            "CVE-2023-4911 in pkg:oci/api@1.4.2",
            "the version of pkg:oci/api@1.4.2 is no digest: it may become another image",
        ),
        (
            27,
            "CVE-2023-4911 in pkg:oci/api?tag=latest",
            "an entry cannot be limited by the tag of pkg:oci/api?tag=latest",
        ),
        (
            39,
            "CVE-2024-6119 in a product",
            "it names a product otherwise than by a package URL",
        ),
        (
            39,
            "CVE-2024-6119 in pkg:golang/golang.org/x/net@v0.17.0",
            (
                "an entry cannot be about a package only where it is part of "
                "pkg:golang/example.com/app@v1.2.0"
            ),
        ),
        (49, "CVE-2024-1000 in pkg:npm/lodash@4.17.20", "line 55 says affected, no earlier"),
        (55, "cve-2024-1000", "its status is affected"),
        (62, "CVE-2024-2000", "its status is under_investigation"),
    ]


class TestProducts:
    """Which images and packages an entry is limited to."""

    @pytest.mark.parametrize(
        ("purl", "limits"),
        [
            (f"pkg:oci/api?repository_url={ECR}/payments/api", [("payments/api", None)]),
            (f"pkg:oci/api?repository_url=https://{ECR}%2Fapi", [("api", None)]),
            (
                "pkg:oci/api?repository_url=123456789012.dkr-ecr.eu-central-1.on.aws/api",
                [("api", None)],
            ),
            (
                "pkg:oci/a?repository_url=123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/a",
                [("a", None)],
            ),
            (
                f"pkg:oci/api@{a_digest(1)}?repository_url={ECR}/a/api&tag=x",
                [("a/api", a_digest(1))],
            ),
            (f"pkg:oci/api@{a_digest(1)}?repository_url=ghcr.io/api", [(None, a_digest(1))]),
            ("pkg:oci/API", [("api", None), ("*/api", None)]),
        ],
    )
    def test_an_image_is_a_repository_or_a_digest(
        self, purl: str, limits: list[tuple[str | None, str | None]]
    ) -> None:
        """A digest is the same image wherever it is; a name alone is in any folder."""
        found = ignored(rules(a_statement(purl)))

        assert [(each.repository, each.digest) for each in found] == limits
        assert {each.purl for each in found} == {None}

    @every(
        "purl",
        [
            f"pkg:oci/api?repository_url={ECR}/payments",
            "pkg:oci/api?repository_url=docker.io/library/api",
            "pkg:oci/api?repository_url=dkr.ecr.eu-central-1.amazonaws.com/api",
            f"pkg:oci/api?repository_url={ECR}.example.com/api",
            f"pkg:oci/api?repository_url={ECR}/api&arch=amd64",
            f"pkg:oci/api@sha256:12?repository_url={ECR}/api",
            "pkg:oci/a*",
            "pkg:docker/library/api",
            "pkg:npm/a#b",
        ],
    )
    def test_other_images_are_skipped(self, purl: str) -> None:
        """What would be wider, or of another registry."""
        assert ignored(rules(a_statement(purl))) == []

    def test_an_identifier_is_as_good_as_an_id(self) -> None:
        """Where the id is another address."""
        product = {"@id": "https://example.com/a", "identifiers": {"purl": LODASH}}

        assert [each.purl for each in ignored(rules(a_statement(product)))] == [LODASH]

    def test_a_part_that_is_named_otherwise_does_not_widen_the_entry(self) -> None:
        """It is not about the whole image then."""
        product = {"@id": "pkg:oci/api", "subcomponents": [{"@id": "cpe:/a:b"}]}

        assert ignored(rules(a_statement(product))) == []

    @pytest.mark.parametrize(
        "product",
        [
            {"@id": LODASH, "platform": "arm64"},
            {"@id": "pkg:oci/api", "subcomponents": [{"@id": LODASH, "platform": "arm64"}]},
        ],
    )
    def test_an_unknown_limit_of_a_product_counts(self, product: Any) -> None:
        """It may make it narrower than we could say."""
        assert whys(rules(a_statement(product))) == [
            "platform may limit its product, and is not known here"
        ]

    def test_hashes_and_suppliers_are_more_names(self) -> None:
        """They do not limit what the package URL says."""
        product = {"@id": LODASH, "hashes": {"md5": "12"}, "supplier": "us"}

        assert len(ignored(rules(a_statement(product)))) == 1


class TestStatements:
    """Which statements count, and what they say."""

    @pytest.mark.parametrize("status", ["affected", "under_investigation", "not affected", ""])
    def test_only_two_statuses_suppress(self, status: str) -> None:
        """The vulnerability may matter otherwise."""
        assert whys(rules(a_statement(LODASH, status=status))) == [
            f"its status is {status or 'nothing'}"
        ]

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({}, "component not present"),
            ({"justification": None}, None),
            ({"impact_statement": "x", "status_notes": "y"}, "component not present: x"),
            ({"status_notes": "y"}, "component not present: y"),
            ({"status": "fixed", "justification": None}, "fixed"),
        ],
    )
    def test_the_reason_is_what_the_author_says(
        self, fields: dict[str, Any], reason: str | None
    ) -> None:
        """Justification first, then words."""
        assert [each.reason for each in ignored(rules(a_statement(LODASH, **fields)))] == [reason]

    def test_other_names_of_one_vulnerability_are_taken_over(self) -> None:
        """But no advisories, which are about others, too."""
        vulnerability = {"name": "OURS-1", "aliases": ["CVE-1", "OURS-1", "DSA-1", "ghsa-1"]}

        found = ignored(rules(a_statement(LODASH, vulnerability=vulnerability)))

        assert [each.id for each in found] == ["OURS-1", "CVE-1", "ghsa-1"]

    @pytest.mark.parametrize(
        ("fields", "why"),
        [
            ({"vulnerability": {"@id": "https://a"}}, "it has no name by which scans know it"),
            ({"products": []}, "it names no product"),
            ({"scope": "dev"}, "scope may limit it, and is not known here"),
        ],
    )
    def test_incomplete_statements_are_skipped(self, fields: dict[str, Any], why: str) -> None:
        """They cannot be known to be about a finding."""
        assert whys(rules(a_statement(LODASH, **fields))) == [why]


class TestContradictions:
    """The last word about a product counts."""

    @pytest.mark.parametrize(
        ("one", "other", "wins"),
        [
            ({"timestamp": LATER}, {"timestamp": EARLIER}, True),
            ({"timestamp": LATER}, {}, True),
            ({"timestamp": "2026-02-01T00:00:00"}, {"timestamp": EARLIER}, True),
            ({"timestamp": EARLIER}, {"timestamp": LATER}, False),
            ({}, {}, False),
            ({"timestamp": LATER}, {"timestamp": "then"}, False),
            ({"timestamp": "now"}, {"timestamp": EARLIER}, False),
        ],
    )
    def test_only_a_later_statement_wins(
        self, one: dict[str, str], other: dict[str, str], *, wins: bool
    ) -> None:
        """At the same time, or at one that nobody knows, the finding is told."""
        affected = a_statement(LODASH, status="affected", **other)
        for statements in (
            [a_statement(LODASH, **one), affected],
            [affected, a_statement(LODASH, **one)],
        ):
            assert (len(ignored(rules(*statements))) == 1) is wins

    @every(
        ("one", "other", "meet"),
        [
            (LODASH, "pkg:npm/lodash", True),
            (LODASH, "pkg:npm/lodash@4.17.20?arch=x", True),
            (LODASH, "pkg:npm/lodash@4.17.21", False),
            (LODASH, "pkg:npm/express", False),
            (LODASH, "pkg:oci/api", True),
            (LODASH, "cpe:/a:b", True),
            (LODASH, {"@id": "pkg:oci/api", "subcomponents": [{"@id": LODASH}]}, True),
            (LODASH, {"@id": "pkg:golang/app", "subcomponents": [{"@id": LODASH}]}, True),
            (LODASH, {"@id": "pkg:oci/api", "subcomponents": [{"@id": "pkg:npm/b"}]}, False),
            ("pkg:oci/api", "pkg:oci/api?tag=x", True),
            ("pkg:oci/api", "pkg:oci/worker", False),
            ("pkg:oci/api", f"pkg:oci/api@{a_digest(1)}", True),
            (f"pkg:oci/api@{a_digest(1)}", f"pkg:oci/api@{a_digest(2)}", False),
            (f"pkg:oci/api@{a_digest(1)}", f"pkg:oci/copy@{a_digest(1)}", True),
        ],
    )
    def test_it_must_be_about_the_same(self, one: Any, other: Any, *, meet: bool) -> None:
        """As far as can be told: what is named otherwise may be."""
        found = rules(a_statement(one), a_statement(other, status="affected"))

        assert (ignored(found) == []) is meet

    def test_a_statement_about_no_product_is_about_any(self) -> None:
        """Its product stands in a document around it, which nobody here has."""
        found = rules(a_statement(LODASH), a_statement(status="affected"))

        assert ignored(found) == []

    def test_another_name_of_the_vulnerability_is_enough(self) -> None:
        """Two that share an alias are the same."""
        one = a_statement(LODASH, vulnerability={"name": "CVE-1", "aliases": ["GHSA-1"]})
        other = a_statement(
            LODASH, vulnerability={"name": "OURS-1", "aliases": ["ghsa-1"]}, status="affected"
        )

        assert ignored(rules(one, other)) == []


class TestDocuments:
    """What is no OpenVEX document."""

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("[]", "FILE:1: this must be a mapping"),
            ("{\n", "FILE:2: this is not JSON: Expecting property name"),
            ('{"bomFormat": "CycloneDX"}', "FILE:1: this is no OpenVEX document"),
            ('{"a": 1, "a": 2}', "FILE: the key a stands twice in one place"),
            ("[" * 100_000, "FILE: this is nested too deeply"),
        ],
    )
    def test_the_error_says_where_and_what(self, text: str, message: str) -> None:
        """As far as it can be told."""
        with pytest.raises(DocumentError) as caught:
            rules_of("openvex", text)

        assert str(caught.value).startswith(message)

    @pytest.mark.parametrize(
        "statement",
        [
            a_statement(LODASH, vulnerability="CVE-1"),
            a_statement(LODASH, subcomponents=[{"@id": "pkg:npm/a"}]),
        ],
    )
    def test_older_documents_are_refused(self, statement: Any) -> None:
        """In them, what limits a statement stands elsewhere."""
        with pytest.raises(DocumentError, match="FILE:1: this is written as before"):
            rules(statement)

    @pytest.mark.parametrize(
        ("statement", "message"),
        [
            ("text", "FILE:1: this must be a mapping"),
            (a_statement(vulnerability=[]), "FILE:1: this must be a mapping"),
            (a_statement(products="a"), "FILE:1: products must be a list"),
            (a_statement(status=1), "FILE:1: status must be text"),
        ],
    )
    def test_another_shape_is_located(self, statement: Any, message: str) -> None:
        """With the line of its statement."""
        with pytest.raises(DocumentError, match=message):
            rules(statement)

    def test_lines_are_those_of_the_statements(self) -> None:
        """Wherever the document breaks its lines."""
        one = json.dumps(a_statement(LODASH))
        text = (
            '{"@context" :\n"https://openvex.dev/ns",\n"x": {"statements": [1,\n2]},\n"statements"'
            f":\n [\n\n{one},{one}\n,\n{one} ] ,\n\n" + '"y": [{"a": "}\\n]"}]\n}\n'
        )

        assert [each.line for each in ignored(rules_of("openvex", text))] == [8, 8, 10]

    def test_without_statements_there_are_no_rules(self) -> None:
        """An empty list, or none."""
        assert rules() == []
        assert rules_of("openvex", '{"@context": "https://openvex.dev/ns"}') == []


# --- attestations -------------------------------------------------------------------------------


def an_attestation(*statements: Any, digest: str = "ab" * 32) -> dict[str, Any]:
    """Return an in-toto statement with a document as its predicate."""
    context = "https://openvex.dev/ns/v0.2.0"
    name = f"{ECR}/payments/api:1.4.2"
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": digest}}],
        "predicateType": context,
        "predicate": {"@context": context, "timestamp": EARLIER, "statements": statements},
    }


def an_envelope(payload: Any) -> str:
    """Return a signed envelope, as registries keep it."""
    encoded = base64.b64encode(json.dumps(payload).encode()).decode()
    return json.dumps(
        {"payloadType": "application/vnd.in-toto+json", "payload": encoded, "signatures": []}
    )


@pytest.mark.parametrize("write", [json.dumps, an_envelope])
def test_an_attestation_is_read(write: Any) -> None:
    """Bare, and in its envelope."""
    text = write(an_attestation(a_statement(LODASH)))

    assert format_of("attestation.json", text) == "openvex"
    assert [rule.purl for rule in ignored(rules_of("openvex", text))] == [LODASH]


def test_a_statement_without_products_is_about_the_image_of_the_attestation() -> None:
    """Its digest limits the entry; without one there is none."""
    made = rules_of("openvex", json.dumps(an_attestation(a_statement())))
    without = rules_of("openvex", json.dumps(an_attestation(a_statement(), digest="ab")))

    assert [rule.digest for rule in ignored(made)] == [f"sha256:{'ab' * 32}"]
    assert whys(without) == ["it names a product otherwise than by a package URL"]


def test_lines_of_envelopes_are_read() -> None:
    """`cosign download attestation` prints all attestations of an image."""
    other = {"predicateType": "https://slsa.dev/provenance/v1", "predicate": {}}
    lines = [an_envelope(other), an_envelope(an_attestation(a_statement(LODASH)))]

    made = rules_of("openvex", "\n".join(lines))

    assert [(rule.line, rule.purl) for rule in ignored(made)] == [(2, LODASH)]
    assert skipped(made) == [(1, "an attestation", "it is not about OpenVEX")]


@pytest.mark.parametrize("payload", ["%", "gA==", ""])
def test_a_broken_envelope_is_refused(payload: str) -> None:
    """With its name."""
    envelope = {"payloadType": "application/vnd.in-toto+json", "payload": payload}

    with pytest.raises(DocumentError):
        rules_of("openvex", json.dumps(envelope))


def test_a_package_in_an_attestation_is_one_of_its_image() -> None:
    """Tools apply an attestation to the image that it is attached to."""
    found = rules_of("openvex", json.dumps(an_attestation(a_statement(LODASH))))

    assert [(rule.purl, rule.digest) for rule in ignored(found)] == [
        (LODASH, f"sha256:{'ab' * 32}")
    ]


def test_a_bundle_of_sigstore_is_read() -> None:
    """One document, or one a line."""
    statement = json.dumps(an_attestation(a_statement(LODASH)))
    payload = base64.b64encode(statement.encode()).decode()
    envelope = {"payloadType": "application/vnd.in-toto+json", "payload": payload}
    bundle = json.dumps({"mediaType": "x", "dsseEnvelope": envelope})

    assert format_of("bundle.json", bundle) == "openvex"
    assert len(ignored(rules_of("openvex", bundle))) == 1
    assert len(ignored(rules_of("openvex", f"{bundle}\n{bundle}\n"))) == 2


@pytest.mark.parametrize(
    ("name", "repository"),
    [
        (f"{ECR}/shop/api@{a_digest(1)}", "shop/api"),
        (f"{ECR}/shop/api:v1@{a_digest(1)}", "shop/api"),
        (f"shop/api@{a_digest(1)}", None),
        (f"ghcr.io/team/api@{a_digest(1)}", None),
        (f"{ECR}/shop/api:v1", "none"),
        ("shop/api", "none"),
    ],
)
def test_an_image_may_be_named_as_it_is_pulled(name: str, repository: str | None) -> None:
    """A tag may move to another image, so it names none."""
    found = ignored(rules(a_statement(name)))

    expected = [] if repository == "none" else [(repository, a_digest(1))]
    assert [(rule.repository, rule.digest) for rule in found] == expected
