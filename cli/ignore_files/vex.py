"""
Statements of VEX documents, whatever their format, as rules of alerts.yml. Pure.

Statements that a vulnerability does not affect a product, or is fixed in it, are taken over, unless
another statement about the same, as late or later, says otherwise. A product is an image (pkg:oci,
perhaps with a package in it) or a package. An image by its digest is that one; by its
repository_url in ECR, or by its name alone, all that are pushed there (in the account and region of
the deployment). https://packageurl.org/types/oci-definition.json
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cli.ignore_files.rules import IgnoreRule, NoEntryError, Rule, SkippedRule, package_limit
from lib.urls.packages import PackageUrl, read_package_url
from lib.urls.partitions import DOMAINS

# Other names of a vulnerability may be advisories, which cover several vulnerabilities.
_ONE_VULNERABILITY: Final = ("CVE-", "GHSA-")
OCI: Final = "oci"
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
_ECR: Final = re.compile(
    r"(?:https?://)?\d{12}\.dkr[.-]ecr(?:-fips)?\.[a-z0-9-]+\."
    rf"(?:{'|'.join(map(re.escape, DOMAINS))})"
    r"/(?P<repository>[a-z0-9._/-]+)"
)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_NAME: Final = re.compile(r"[a-z0-9._-]+")
_REFERENCE: Final = re.compile(
    r"(?P<address>[a-z0-9][a-z0-9._:/-]*?)(?::\w[\w.-]*)?@(?P<digest>sha256:[0-9a-f]{64})", re.ASCII
)
"""An image by its digest, as `docker pull` takes it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A product of a statement with a package in it."""

    product: str | None
    """Its package URL; None: it is named otherwise."""
    part: str | None = None
    """The package URL of a package in it; None: all of its packages, or named otherwise."""
    has_part: bool = False
    doubt: str | None = None
    """Why the claim cannot be judged; None: it can."""
    only_in: str | None = None
    """What the package is part of, where that is no image that an entry can name."""

    @property
    def name(self) -> str:
        """The name in messages."""
        return (self.part if self.has_part else self.product) or "a product"

    @property
    def image(self) -> PackageUrl | None:
        """The image of the claim; None for any, and for other names of it."""
        product = read_package_url(self.product or "")
        return product if product is not None and product.type == OCI else None

    @property
    def package(self) -> PackageUrl | None:
        """The package of the claim; None for any, and for other names of it."""
        if not self.has_part and self.image is not None:
            return None
        return read_package_url((self.part if self.has_part else self.product) or "")

    def may_meet(self, other: "Claim") -> bool:
        """Whether a finding may match both claims."""
        return _may_be_one(self.image, other.image) and _may_be_one(self.package, other.package)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement about a vulnerability in products."""

    line: int
    name: str | None
    names: tuple[str, ...]
    """Name and aliases of the vulnerability, as they are written."""
    status: str
    """In the words of its format."""
    suppresses: bool
    """Whether the status says that the products are not affected, or not any more."""
    claims: tuple[Claim, ...]
    time: datetime | None = None
    """None if it is unknown."""
    reason: str | None = None
    doubt: str | None = None
    """Why the statement cannot be judged; None: it can."""

    def contradicts(self, earlier: "Statement", claim: Claim) -> bool:
        """Whether this statement may override another one's claim."""
        if self.time is not None and earlier.time is not None and self.time < earlier.time:
            return False
        return not self.claims or any(own_claim.may_meet(claim) for own_claim in self.claims)


def image_url(reference: str) -> str | None:
    """Return the package URL of an image that is named by its digest; None for anything else."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        return None
    host, slash, _ = match["address"].partition("/")
    place = f"?repository_url={match['address']}" if slash and "." in host else ""
    return f"pkg:{OCI}/{match['address'].rpartition('/')[2]}@{match['digest']}{place}"


_Others = Mapping[str, Sequence[Statement]]
"""Statements that exclude no finding, by the names of the vulnerability in upper case."""


def rules_of(statements: Sequence[Statement]) -> list[Rule]:
    """Return the rules of all statements of a document."""
    others = _by_name(statement for statement in statements if not statement.suppresses)
    return [rule for statement in statements for rule in _rules(statement, others)]


def time_of(text: str | None) -> datetime | None:
    """Return a time in UTC; None if it is unknown."""
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _by_name(statements: Iterable[Statement]) -> _Others:
    by_name: defaultdict[str, list[Statement]] = defaultdict(list)
    for statement in statements:
        for name in {name.upper() for name in statement.names}:
            by_name[name].append(statement)
    return by_name


def _may_be_one(first: PackageUrl | None, second: PackageUrl | None) -> bool:
    if first is None or second is None:
        return True
    if first.version and second.version and first.version != second.version:
        return False
    if first.type == OCI and first.version and second.version:
        return True
    return (first.type, first.namespace, first.name) == (second.type, second.namespace, second.name)


def _rules(statement: Statement, others: _Others) -> Iterator[Rule]:
    what = statement.name or "a statement without a vulnerability"
    doubt = _doubt(statement)
    if doubt is not None:
        yield SkippedRule(statement.line, what, doubt)
        return
    for claim in statement.claims:
        try:
            _require_last_word(statement, claim, others)
            yield from _ignored(statement, claim)
        except NoEntryError as error:
            yield SkippedRule(statement.line, f"{what} in {claim.name}", str(error))


def _doubt(statement: Statement) -> str | None:
    if statement.name is None:
        return "it has no name by which scans know it"
    if not statement.suppresses:
        return f"its status is {statement.status}"
    if statement.doubt is not None:
        return statement.doubt
    return None if statement.claims else "it names no product"


def _require_last_word(statement: Statement, claim: Claim, others: _Others) -> None:
    for name in {name.upper() for name in statement.names}:
        for other in others.get(name, ()):
            if other.contradicts(statement, claim):
                raise NoEntryError(f"line {other.line} says {other.status}, no earlier")


def _ignored(statement: Statement, claim: Claim) -> Iterator[Rule]:
    purl, images = _scope(claim)
    for name in dict.fromkeys(alias.strip() for alias in statement.names if alias):
        # Advisories among the other names cover more than this vulnerability.
        if name == statement.name or name.upper().startswith(_ONE_VULNERABILITY):
            for repository, digest in images:
                yield IgnoreRule(
                    statement.line,
                    name,
                    purl=purl,
                    repository=repository,
                    digest=digest,
                    reason=statement.reason,
                    only_in=claim.only_in,
                )


# --- scopes -------------------------------------------------------------------------------------

_Image = tuple[str | None, str | None]
"""A pattern of repositories and a digest, which limit an entry."""


def _scope(claim: Claim) -> tuple[str | None, Sequence[_Image]]:
    """Return the package and the images of an entry. Raises `NoEntryError`."""
    if claim.doubt is not None:
        raise NoEntryError(claim.doubt)
    product = _required(claim.product)
    parts = read_package_url(product)
    if parts is not None and parts.type == OCI:
        part = package_limit(_required(claim.part)) if claim.has_part else None
        return part, _images(product, parts)
    if claim.has_part:
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


def _required(purl: str | None) -> str:
    if purl is None:
        raise NoEntryError("it names a product otherwise than by a package URL")
    return purl
