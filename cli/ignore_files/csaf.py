"""
CSAF 2.0 and 2.1 with the profile VEX: vulnerabilities in the products of a tree, in JSON.

https://docs.oasis-open.org/csaf/csaf/v2.0/csaf-v2.0.html
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final

from cli.ignore_files.json_lines import read_json
from cli.ignore_files.places import Place
from cli.ignore_files.rules import Rule
from cli.ignore_files.vex import Claim, Statement, rules_of, time_of
from lib.errors import DocumentError
from lib.urls.packages import read_package_url

VERSION: Final = "csaf_version"
_VULNERABILITIES: Final = "vulnerabilities"
_SUPPRESSING: Final = ("known_not_affected", "first_fixed", "fixed")
_MEMBER_OF: Final = frozenset({"default_component_of", "installed_on", "installed_with"})
_VERSIONS: Final = frozenset({"product_version", "product_version_range"})
_DEEPEST: Final = 64
_UNKNOWN: Final = (Claim(None),)
_Products = Mapping[str, tuple[Claim, ...]]


def parse(text: str, name: str) -> list[Rule]:
    """Return the rules of a document. Raises `DocumentError` with file and line."""
    file = read_json(text, name, _VULNERABILITIES)
    document = Place.of(file, (), file.document)
    head = document.mapping("document")
    if head.text(VERSION) is None:
        raise DocumentError(f"{name}:1: this is no CSAF document: it has no document.{VERSION}")
    products = _products(document.mapping("product_tree"))
    time = head.mapping("tracking").text("current_release_date")
    statements = [
        statement
        for place in document.mappings(_VULNERABILITIES)
        for statement in _statements(place, products, time)
    ]
    return rules_of(statements)


def _products(tree: Place) -> _Products:
    """Return the products of a tree by their ids."""
    products = dict(_named(tree, 0))
    for relationship in tree.mappings("relationships"):
        product_id = relationship.mapping("full_product_name").text("product_id")
        parts = products.get(relationship.text("product_reference") or "", ())
        wholes = products.get(relationship.text("relates_to_product_reference") or "", ())
        if product_id is None:
            continue
        if relationship.text("category") not in _MEMBER_OF:
            wholes = ()
        pairs = product(wholes, parts)
        products[product_id] = tuple([_part_of(*pair) for pair in pairs]) or _UNKNOWN
    return products


def _part_of(whole: Claim, part: Claim) -> Claim:
    if whole.has_part or part.has_part:
        return Claim(None)
    return Claim(whole.product, part.product, has_part=True, doubt=whole.doubt or part.doubt)


def _named(
    place: Place, depth: int, *, of_versions: bool = False
) -> Iterator[tuple[str, tuple[Claim, ...]]]:
    """
    Yield the products of a tree or a branch with their ids, and a claim for each name of them.

    `of_versions`: a branch around it names a version, or a range of versions.
    """
    if depth > _DEEPEST:
        raise DocumentError(f"{place.file.name}:{place.line}: this is nested too deeply")
    named = place.mappings("full_product_names") if depth == 0 else [place.mapping("product")]
    of_versions = of_versions or place.text("category") in _VERSIONS
    for entry in named:
        product_id = entry.text("product_id")
        if product_id is not None:
            helper = entry.mapping("product_identification_helper")
            purls = filter(None, (helper.text("purl"), *helper.texts("purls")))
            claims = [Claim(purl, doubt=_doubt(purl, of_versions)) for purl in purls]
            yield product_id, tuple(claims) or _UNKNOWN
    for branch in place.mappings("branches"):
        yield from _named(branch, depth + 1, of_versions=of_versions)


def _doubt(purl: str, of_versions: bool) -> str | None:  # noqa: FBT001  # of the branch
    """Return why a claim is narrower than its package URL says."""
    parts = read_package_url(purl)
    if not of_versions or parts is None or parts.version is not None:
        return None
    return f"its branch limits the versions, and {purl} does not name one"


def _statements(
    place: Place, products: _Products, document_time: str | None
) -> Iterator[Statement]:
    """Yield a statement for each status of a vulnerability and each product of it."""
    ids = [entry.text("text") for entry in place.mappings("ids")]
    names = tuple([name for name in (place.text("cve"), *ids) if name])
    statuses = place.mapping("product_status")
    for status in statuses.values:
        for product_id in statuses.texts(status):
            yield Statement(
                line=place.line,
                name=names[0] if names else None,
                names=names,
                status=status.replace("_", " "),
                suppresses=status in _SUPPRESSING,
                claims=products.get(product_id, _UNKNOWN),
                time=time_of(document_time),
                reason=_reason(place, status, product_id),
            )


def _reason(place: Place, status: str, product_id: str) -> str | None:
    """Return why a product is not affected: the flag, and what the impact is, in words."""
    flags = _about(place, "flags", product_id)
    threats = _about(place, "threats", product_id)
    labels = [(flag.text("label") or "").replace("_", " ") for flag in flags]
    impacts = [threat.text("details") for threat in threats if threat.text("category") == "impact"]
    fixed = ["fixed"] if "fixed" in status else []
    return ": ".join(filter(None, (*fixed, *labels, *impacts))) or None


def _about(place: Place, key: str, product_id: str) -> Iterator[Place]:
    """Yield the entries of a list that are about a product; without products: about all."""
    for entry in place.mappings(key):
        if not entry.texts("product_ids") or product_id in entry.texts("product_ids"):
            yield entry
