"""CSAF with the profile VEX."""

import json
from typing import Any

import pytest

from cli.ignore_files import format_of
from cli.ignore_files.rules import IgnoreRule, Rule
from lib.errors import DocumentError
from tests.cli.ignore_files.origins import ignored, rules_of, skipped
from tests.support.documents import CASES

DIGEST = f"sha256:{'a1' * 32}"
IMAGE = f"pkg:oci/api@{DIGEST}"


def product(product_id: str, purl: str | None = None, **helper: Any) -> dict[str, Any]:
    """Return a product of a tree."""
    identified = {"purl": purl, **helper} if purl or helper else {}
    return {
        "name": product_id,
        "product_id": product_id,
        "product_identification_helper": identified,
    }


def rules(status: dict[str, list[str]], *products: Any, **fields: Any) -> list[Rule]:
    """Return the rules of a document about one vulnerability."""
    tree = {"full_product_names": list(products), **fields.pop("tree", {})}
    vulnerability = {"cve": "CVE-2024-1", "product_status": status, **fields}
    document = {
        "document": {
            "category": "csaf_vex",
            "csaf_version": "2.0",
            "tracking": {"current_release_date": "2026-01-01T00:00:00Z"},
        },
        "product_tree": tree,
        "vulnerabilities": [vulnerability],
    }
    return rules_of("csaf", json.dumps(document))


def test_a_document_is_taken_over_with_its_products() -> None:
    """A product in the branches of the tree, with the reason of its flag."""
    text = (CASES / "vex" / "csaf.json").read_text("utf-8")

    assert format_of("vex.json", text) == "csaf"
    assert rules_of("csaf", text) == [
        IgnoreRule(36, "CVE-2022-1664", digest=DIGEST, reason="vulnerable code not present")
    ]


@pytest.mark.parametrize(
    ("status", "reason"),
    [("known_not_affected", None), ("fixed", "fixed"), ("first_fixed", "fixed")],
)
def test_what_is_not_affected_or_fixed_is_taken_over(status: str, reason: str | None) -> None:
    """In each word of the format."""
    assert rules({status: ["P"]}, product("P", "pkg:npm/lodash@4")) == [
        IgnoreRule(1, "CVE-2024-1", purl="pkg:npm/lodash@4", reason=reason)
    ]


@pytest.mark.parametrize("status", ["known_affected", "under_investigation", "last_affected"])
def test_any_other_status_is_skipped_by_name(status: str) -> None:
    """And holds against what says that the product is not affected."""
    words = status.replace("_", " ")
    only = rules({status: ["P"]}, product("P", "pkg:npm/lodash@4"))
    both = rules({status: ["P"], "known_not_affected": ["P"]}, product("P", "pkg:npm/lodash@4"))

    assert skipped(only) == [(1, "CVE-2024-1", f"its status is {words}")]
    assert not ignored(both)
    assert f"line 1 says {words}, no earlier" in [why for *_, why in skipped(both)]


def test_a_package_in_an_image_is_limited_to_both() -> None:
    """By a relationship of the tree."""
    relationship = {
        "category": "default_component_of",
        "product_reference": "PKG",
        "relates_to_product_reference": "IMG",
        "full_product_name": {"name": "x", "product_id": "BOTH"},
    }
    products = (product("PKG", "pkg:deb/debian/dpkg"), product("IMG", purls=[IMAGE]))

    made = rules(
        {"known_not_affected": ["BOTH"]}, *products, tree={"relationships": [relationship]}
    )

    assert made == [IgnoreRule(1, "CVE-2024-1", purl="pkg:deb/debian/dpkg", digest=DIGEST)]


@pytest.mark.parametrize(
    "change",
    [
        {"category": "external_component_of"},
        {"product_reference": "UNKNOWN"},
        {"relates_to_product_reference": None},
        {"full_product_name": {}},
    ],
)
def test_an_unclear_relationship_is_never_wider(change: dict[str, Any]) -> None:
    """The product has no package URL then."""
    relationship = {
        "category": "installed_on",
        "product_reference": "PKG",
        "relates_to_product_reference": "IMG",
        "full_product_name": {"name": "x", "product_id": "BOTH"},
        **change,
    }
    products = (product("PKG", "pkg:deb/debian/dpkg"), product("IMG", IMAGE))

    made = rules(
        {"known_not_affected": ["BOTH"]}, *products, tree={"relationships": [relationship]}
    )

    assert not ignored(made)
    assert [why for *_, why in skipped(made)] == [
        "it names a product otherwise than by a package URL"
    ]


def test_flags_and_impacts_are_the_reason_of_their_products() -> None:
    """Flags and impacts of other products are left out."""
    made = rules(
        {"known_not_affected": ["P"]},
        product("P", "pkg:npm/lodash"),
        flags=[
            {"label": "component_not_present", "product_ids": ["P"]},
            {"label": "inline_mitigations_already_exist", "product_ids": ["Q"]},
        ],
        threats=[
            {"category": "impact", "details": "Only in tests."},
            {"category": "exploit_status", "details": "none"},
        ],
    )

    assert [rule.reason for rule in ignored(made)] == ["component not present: Only in tests."]


def test_other_ids_are_names_too() -> None:
    """GitHub's id stands for the same; an advisory does not."""
    ids = [{"system_name": "GitHub", "text": "GHSA-1"}, {"system_name": "x", "text": "RHSA-1"}]

    made = rules({"fixed": ["P"]}, product("P", "pkg:npm/a"), ids=ids)

    assert [rule.id for rule in ignored(made)] == ["CVE-2024-1", "GHSA-1"]


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (rules({"fixed": ["P"]}, product("P", "pkg:npm/a"), cve=None), "no name"),
        (rules({"fixed": ["P"]}), "otherwise than by a package URL"),
        (rules({"fixed": ["P"]}, product("P")), "otherwise than by a package URL"),
        (rules({"fixed": ["P"]}, product("P", "pkg:apk/adelie/a")), "of the distribution adelie"),
    ],
)
def test_the_rest_is_skipped_with_the_reason(made: list[Rule], why: str) -> None:
    """No name, no product, or one that no scan names."""
    assert not ignored(made)
    assert [why in text for *_, text in skipped(made)] == [True]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{}", "this is no CSAF document"),
        ('{"document": {"csaf_version": "2.0"}, "vulnerabilities": [1]}', "must be a mapping"),
        (
            json.dumps(
                {
                    "document": {"csaf_version": "2.0"},
                    "product_tree": json.loads('{"branches": [' * 70 + "{}" + "]}" * 70),
                }
            ),
            "nested too deeply",
        ),
    ],
)
def test_another_document_is_refused_with_its_line(text: str, reason: str) -> None:
    """No rule is taken over from it."""
    with pytest.raises(DocumentError, match=reason):
        rules_of("csaf", text)


def test_each_package_url_of_a_product_is_taken_over() -> None:
    """CSAF 2.1 lists several, such as an image for each platform."""
    images = [f"pkg:oci/api@sha256:{letter * 64}" for letter in "ab"]

    found = ignored(rules({"known_not_affected": ["P"]}, product("P", purls=images)))

    assert [rule.digest for rule in found] == [image.partition("@")[2] for image in images]


@pytest.mark.parametrize("category", ["product_version", "product_version_range"])
def test_a_branch_of_versions_is_never_forgotten(category: str) -> None:
    """The versions stand in the name of the branch, and may not stand in the package URL."""
    leaf = {"category": "architecture", "product": product("P", "pkg:npm/lodash")}
    branch = {"category": category, "name": "vers:npm/<4.17.21", "branches": [leaf]}
    version = {"category": category, "product": product("V", "pkg:npm/lodash@4.17.20")}
    tree = {"branches": [branch, version]}

    found = rules({"known_not_affected": ["P", "V"]}, tree=tree)

    assert [why for _, _, why in skipped(found)] == [
        "its branch limits the versions, and pkg:npm/lodash does not name one"
    ]
    assert [rule.purl for rule in ignored(found)] == ["pkg:npm/lodash@4.17.20"]


def test_a_part_of_a_part_is_not_guessed() -> None:
    """A package of a module of an image is named by none of its three package URLs."""
    tree = {
        "relationships": [
            {
                "category": "default_component_of",
                "product_reference": part,
                "relates_to_product_reference": whole,
                "full_product_name": {"product_id": f"{whole}:{part}"},
            }
            for whole, part in (("IMAGE", "MODULE"), ("IMAGE:MODULE", "PACKAGE"))
        ]
    }
    products = (
        product("IMAGE", IMAGE),
        product("MODULE", "pkg:npm/module@1"),
        product("PACKAGE", "pkg:npm/lodash@4"),
    )

    found = rules({"known_not_affected": ["IMAGE:MODULE:PACKAGE"]}, *products, tree=tree)

    assert ignored(found) == []
