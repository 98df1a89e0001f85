"""CycloneDX with VEX."""

import json
from typing import Any

import pytest

from cli.ignore_files import format_of
from cli.ignore_files.rules import IgnoreRule, Rule
from lib.errors import DocumentError
from tests.cli.ignore_files.origins import ignored, rules_of, skipped
from tests.support.documents import CASES

DIGEST = f"sha256:{'a1' * 32}"
DPKG = "pkg:deb/debian/dpkg@1.18.25"


def a_vulnerability(*references: str, state: str = "not_affected", **fields: Any) -> dict[str, Any]:
    """Return a vulnerability with an analysis."""
    return {
        "id": "CVE-2024-1",
        "analysis": {"state": state},
        "affects": [{"ref": reference} for reference in references],
        **fields,
    }


def rules(*vulnerabilities: Any, **fields: Any) -> list[Rule]:
    """Return the rules of a document."""
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "vulnerabilities": vulnerabilities}
    return rules_of("cyclonedx", json.dumps({**document, **fields}))


def test_a_document_is_taken_over_with_its_products() -> None:
    """A package by its URL, with the justification."""
    text = (CASES / "vex" / "cyclonedx.json").read_text("utf-8")

    assert format_of("vex.json", text) == "cyclonedx"
    assert rules_of("cyclonedx", text) == [
        IgnoreRule(6, "CVE-2022-1664", purl=DPKG, reason="code not present")
    ]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("not_affected", None),
        ("false_positive", "false positive"),
        ("resolved", "fixed"),
        ("resolved_with_pedigree", "fixed"),
    ],
)
def test_what_is_settled_is_taken_over(state: str, reason: str | None) -> None:
    """In each word of the format."""
    assert rules(a_vulnerability(DPKG, state=state)) == [
        IgnoreRule(1, "CVE-2024-1", purl=DPKG, reason=reason)
    ]


@pytest.mark.parametrize("state", ["exploitable", "in_triage", ""])
def test_any_other_state_is_skipped_by_name(state: str) -> None:
    """And holds against a statement that is no later."""
    words = state.replace("_", " ") or "nothing"
    made = rules(a_vulnerability(DPKG), a_vulnerability(DPKG, state=state))

    assert not ignored(made)
    assert [why for *_, why in skipped(made)] == [
        f"line 1 says {words}, no earlier",
        f"its status is {words}",
    ]


@pytest.mark.parametrize("reference", ["c1", "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#c1"])
def test_a_component_is_found_by_its_reference(reference: str) -> None:
    """Also inside of another one, and by a link."""
    components = [{"bom-ref": "c0", "components": [{"bom-ref": "c1", "purl": DPKG}]}]

    made = rules(a_vulnerability(reference), components=components)

    assert [rule.purl for rule in ignored(made)] == [DPKG]


def test_the_image_of_the_document_limits_its_components() -> None:
    """A package is ignored in this image alone; a statement about the image covers all of them."""
    image = {"bom-ref": "image", "purl": f"pkg:oci/api@{DIGEST}"}

    made = rules(
        a_vulnerability(DPKG),
        a_vulnerability("image", id="CVE-2024-2"),
        metadata={"component": image},
    )

    assert made == [
        IgnoreRule(1, "CVE-2024-1", purl=DPKG, digest=DIGEST),
        IgnoreRule(1, "CVE-2024-2", digest=DIGEST),
    ]


def test_a_component_without_a_reference_is_nothing() -> None:
    """No statement can be about it."""
    made = rules(a_vulnerability("c1"), components=[{"purl": DPKG}, {"bom-ref": "c1"}])

    assert [why for *_, why in skipped(made)] == [
        "it names a product otherwise than by a package URL"
    ]


def test_versions_are_never_left_out() -> None:
    """An entry cannot say a range."""
    limited = a_vulnerability(affects=[{"ref": DPKG, "versions": [{"range": "vers:deb/<1.2"}]}])

    assert [why for *_, why in skipped(rules(limited))] == ["its versions may limit it"]


def test_other_names_and_words_come_along() -> None:
    """References are aliases; the detail is part of the reason."""
    made = rules(
        a_vulnerability(
            DPKG,
            references=[{"id": "GHSA-1"}, {"id": "SNYK-1"}],
            analysis={
                "state": "not_affected",
                "justification": "code_not_reachable",
                "detail": "Only in tests.",
            },
        )
    )

    assert [(rule.id, rule.reason) for rule in ignored(made)] == [
        ("CVE-2024-1", "code not reachable: Only in tests."),
        ("GHSA-1", "code not reachable: Only in tests."),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{}", "this is no CycloneDX document"),
        (
            '{"bomFormat": "CycloneDX", ' + '"components": [{' * 70 + "}]" * 70 + "}",
            "nested too deeply",
        ),
    ],
)
def test_another_document_is_refused_with_its_line(text: str, reason: str) -> None:
    """No rule is taken over from it."""
    with pytest.raises(DocumentError, match=reason):
        rules_of("cyclonedx", text)


@pytest.mark.parametrize(
    "component",
    [
        {"name": f"111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop/api@{DIGEST}"},
        {"name": f"111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop/api:v1@{DIGEST}"},
        {
            "name": "111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop/api",
            "version": DIGEST,
        },
    ],
)
def test_an_image_may_be_named_as_it_is_pulled(component: dict[str, str]) -> None:
    """By its digest, in the name or in the version."""
    subject = {"bom-ref": "image", "type": "container", **component}

    found = rules(a_vulnerability(DPKG), a_vulnerability("image"), metadata={"component": subject})

    assert [(rule.repository, rule.digest, rule.purl) for rule in ignored(found)] == [
        ("shop/api", DIGEST, DPKG),
        ("shop/api", DIGEST, None),
    ]


def test_a_package_in_something_else_holds_there_alone() -> None:
    """What is not reachable in one application may be in another one."""
    subject = {"bom-ref": "app", "type": "application", "name": "shop", "purl": "pkg:npm/shop@1"}

    inner, own = ignored(
        rules(a_vulnerability(DPKG), a_vulnerability("app"), metadata={"component": subject})
    )

    assert (inner.purl, inner.only_in) == (DPKG, "shop")
    assert (own.purl, own.only_in) == ("pkg:npm/shop@1", None)
