"""
OpenVEX 0.2.0: statements about vulnerabilities in products, in JSON.

https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md

"not_affected" and "fixed" are taken over, unless another statement about the same, as late or
later, says otherwise. A product is an image (pkg:oci, perhaps with packages in it as its
subcomponents) or a package. An image by its digest is that one; by its repository_url in ECR, or
by its name alone, all that are pushed there (in the account and region of the deployment).
https://packageurl.org/types/oci-definition.json
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cli.ignore_files.json_lines import read_json
from cli.ignore_files.places import Place
from cli.ignore_files.rules import IgnoreRule, NoEntryError, Rule, SkippedRule, package_limit
from lib.errors import DocumentError
from lib.urls.packages import PackageUrl, read_package_url

CONTEXT: Final = "https://openvex.dev/ns"
_SUPPRESSING: Final = frozenset({"not_affected", "fixed"})
_STATEMENTS: Final = "statements"
_KNOWN: Final = frozenset(
    {
        "@id",
        "version",
        "vulnerability",
        "timestamp",
        "last_updated",
        "products",
        "status",
        "supplier",
        "status_notes",
        "justification",
        "impact_statement",
        "action_statement",
        "action_statement_timestamp",
    }
)
_KNOWN_OF_PRODUCTS: Final = frozenset({"@id", "identifiers", "hashes", "subcomponents", "supplier"})
# Other names of a vulnerability may be advisories, which cover several vulnerabilities.
_ONE_VULNERABILITY: Final = ("CVE-", "GHSA-")
_OCI: Final = "oci"
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
_ECR: Final = re.compile(
    r"(?:https?://)?\d{12}\.dkr[.-]ecr(?:-fips)?\.[a-z0-9-]+\."
    r"(?:amazonaws\.com|amazonaws\.com\.cn|on\.aws|on\.amazonwebservices\.com\.cn)"
    r"/(?P<repository>[a-z0-9._/-]+)"
)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_NAME: Final = re.compile(r"[a-z0-9._-]+")
_SCHEME: Final = "pkg:"


def parse(text: str, name: str) -> list[Rule]:
    """Return the rules of a document. Raises `DocumentError` with file and line."""
    file = read_json(text, name, _STATEMENTS)
    document = Place.of(file, (), file.document)
    if not str(document.values.get("@context", "")).startswith(CONTEXT):
        raise DocumentError(
            f"{name}:1: this is no OpenVEX document: its @context is not {CONTEXT}. Other kinds "
            "of VEX (CSAF, CycloneDX) are not read"
        )
    document_time = _time(document)
    statements = [_statement(place, document_time) for place in document.mappings(_STATEMENTS)]
    others = _by_name(statement for statement in statements if statement.status not in _SUPPRESSING)
    return [rule for statement in statements for rule in _rules(statement, others)]


# --- statements ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Claim:
    """A product of a statement with a package in it; None for all of its packages."""

    product: Place
    part: Place | None

    @property
    def name(self) -> str:
        """The name in messages."""
        return _purl(self.part or self.product) or "a product"

    @property
    def image(self) -> PackageUrl | None:
        """The image of the claim; None for any, and for other names of it."""
        product = read_package_url(_purl(self.product) or "")
        return product if product is not None and product.type == _OCI else None

    @property
    def package(self) -> PackageUrl | None:
        """The package of the claim; None for any, and for other names of it."""
        if self.part is None and self.image is not None:
            return None
        return read_package_url(_purl(self.part or self.product) or "")

    def may_meet(self, other: "_Claim") -> bool:
        """Whether a finding may match both claims."""
        return _may_be_one(self.image, other.image) and _may_be_one(self.package, other.package)


@dataclass(frozen=True, slots=True)
class _Statement:
    """A parsed statement."""

    place: Place
    name: str | None
    names: frozenset[str]
    """Name and aliases of the vulnerability, in upper case."""
    status: str
    time: datetime | None
    claims: tuple[_Claim, ...]

    def contradicts(self, earlier: "_Statement", claim: _Claim) -> bool:
        """Whether this statement may override another one's claim."""
        if self.time is not None and earlier.time is not None and self.time < earlier.time:
            return False
        return not self.claims or any(own_claim.may_meet(claim) for own_claim in self.claims)


_Others = Mapping[str, Sequence[_Statement]]
"""Statements that exclude no finding, by the names of the vulnerability."""


def _statement(place: Place, document_time: datetime | None) -> _Statement:
    old = isinstance(place.values.get("vulnerability"), str) or "subcomponents" in place.values
    if old:
        raise DocumentError(
            f"{place.file.name}:{place.line}: this is written as before OpenVEX 0.2.0, which alone "
            "is read; have its author publish it anew"
        )
    vulnerability = place.mapping("vulnerability")
    name = vulnerability.text("name")
    names = (name, *vulnerability.texts("aliases"))
    return _Statement(
        place,
        name,
        frozenset(alias.upper() for alias in names if alias),
        place.text("status") or "nothing",
        _time(place) if place.text("timestamp") else document_time,
        tuple(
            _Claim(product, part)
            for product in place.mappings("products")
            for part in product.mappings("subcomponents") or (None,)
        ),
    )


def _time(place: Place) -> datetime | None:
    """Return the time of a statement; None if it is unknown."""
    try:
        time = datetime.fromisoformat(place.text("timestamp") or "")
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _by_name(statements: Iterable[_Statement]) -> _Others:
    by_name: defaultdict[str, list[_Statement]] = defaultdict(list)
    for statement in statements:
        for name in statement.names:
            by_name[name].append(statement)
    return by_name


def _may_be_one(first: PackageUrl | None, second: PackageUrl | None) -> bool:
    if first is None or second is None:
        return True
    if first.version and second.version and first.version != second.version:
        return False
    if first.type == _OCI and first.version and second.version:
        return True
    return (first.type, first.namespace, first.name) == (second.type, second.namespace, second.name)


# --- rules --------------------------------------------------------------------------------------


def _rules(statement: _Statement, others: _Others) -> Iterator[Rule]:
    place, what = statement.place, statement.name or "a statement without a vulnerability"
    doubt = _doubt(statement)
    if doubt is not None:
        yield SkippedRule(place.line, what, doubt)
        return
    for claim in statement.claims:
        try:
            _require_last_word(statement, claim, others)
            yield from _ignored(statement, claim)
        except NoEntryError as error:
            yield SkippedRule(place.line, f"{what} in {claim.name}", str(error))


def _doubt(statement: _Statement) -> str | None:
    unknown = statement.place.unknown(_KNOWN)
    if statement.name is None:
        return "it has no name by which scans know it"
    if statement.status not in _SUPPRESSING:
        return f"its status is {statement.status}"
    if unknown is not None:
        return f"{unknown} may limit it, and is not known here"
    return None if statement.claims else "it names no product"


def _require_last_word(statement: _Statement, claim: _Claim, others: _Others) -> None:
    for name in statement.names:
        for other in others.get(name, ()):
            if other.contradicts(statement, claim):
                raise NoEntryError(f"line {other.place.line} says {other.status}, no earlier")


def _ignored(statement: _Statement, claim: _Claim) -> Iterator[Rule]:
    place = statement.place
    names = (statement.name, *place.mapping("vulnerability").texts("aliases"))
    purl, images = _scope(claim)
    for name in dict.fromkeys(alias.strip() for alias in names if alias):
        # Advisories among the other names cover more than this vulnerability.
        if name == statement.name or name.upper().startswith(_ONE_VULNERABILITY):
            for repository, digest in images:
                yield IgnoreRule(
                    place.line,
                    name,
                    purl=purl,
                    repository=repository,
                    digest=digest,
                    reason=_reason(place),
                )


def _reason(place: Place) -> str | None:
    justification = (place.text("justification") or "").replace("_", " ")
    words = place.text("impact_statement") or place.text("status_notes")
    fixed = "fixed" if place.text("status") == "fixed" else None
    return ": ".join(filter(None, (fixed, justification, words))) or None


# --- scopes -------------------------------------------------------------------------------------

_Image = tuple[str | None, str | None]
"""A pattern of repositories and a digest, which limit an entry."""


def _scope(claim: _Claim) -> tuple[str | None, Sequence[_Image]]:
    """Return the package and the images of an entry. Raises `NoEntryError`."""
    for purl in (claim.product, claim.part):
        unknown = purl.unknown(_KNOWN_OF_PRODUCTS) if purl else None
        if unknown is not None:
            raise NoEntryError(f"{unknown} may limit its product, and is not known here")
    product = _required(claim.product)
    parts = read_package_url(product)
    if parts is not None and parts.type == _OCI:
        part = package_limit(_required(claim.part)) if claim.part else None
        return part, _images(product, parts)
    if claim.part is not None:
        raise NoEntryError(f"an entry cannot be about a package only where it is part of {product}")
    return package_limit(product), ((None, None),)


def _images(purl: str, parts: PackageUrl) -> Sequence[_Image]:
    address = parts.qualifiers.get("repository_url")
    in_ecr = _ECR.fullmatch(address) if address else None
    repository = in_ecr["repository"] if in_ecr else None
    if repository is not None and repository.rpartition("/")[2] != parts.name:
        raise NoEntryError(f"the repository_url of {purl} does not end in its name")
    if parts.version is not None:
        if not _DIGEST.fullmatch(parts.version):
            raise NoEntryError(f"the version of {purl} is no digest: it may become another image")
        return ((repository, parts.version),)
    limits = sorted(parts.qualifiers.keys() - {"repository_url"})
    if limits:
        raise NoEntryError(f"an entry cannot be limited by the {limits[0]} of {purl}")
    if repository is not None:
        return ((repository, None),)
    if address is not None:
        raise NoEntryError(f"{purl} is about an image that is not in ECR")
    if not _NAME.fullmatch(parts.name):
        raise NoEntryError(f"no repository of ECR can be called {parts.name}")
    return ((parts.name, None), (f"*/{parts.name}", None))


def _purl(component: Place) -> str | None:
    """Return the package URL of a product or a part; None without one."""
    identifier = component.text("@id")
    if identifier is not None and identifier.startswith(_SCHEME):
        return identifier
    return component.mapping("identifiers").text("purl")


def _required(component: Place) -> str:
    purl = _purl(component)
    if purl is None:
        raise NoEntryError("it names a product otherwise than by a package URL")
    return purl
