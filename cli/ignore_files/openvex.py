"""
OpenVEX 0.2.0: statements about vulnerabilities in products, in JSON.

https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md

Bare, or as the predicate of an in-toto attestation, in its envelope or out of it. In an
attestation, a statement without products is about the images that the attestation is about.
https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from cli.ignore_files.json_lines import read_json
from cli.ignore_files.places import Place
from cli.ignore_files.rules import Rule, SkippedRule
from cli.ignore_files.vex import Claim, Statement, image_url, rules_of, time_of
from lib.errors import DocumentError

CONTEXT: Final = "https://openvex.dev/ns"
IN_TOTO: Final = "application/vnd.in-toto+json"
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
_SCHEME: Final = "pkg:"
_SHA256: Final = 64


def parse(text: str, name: str) -> list[Rule]:
    """Return the rules of a document. Raises `DocumentError` with file and line."""
    lines = text.strip().splitlines()
    if len(lines) > 1 and all(IN_TOTO in line for line in lines):
        return _of_lines(lines, name)
    file = read_json(text, name, _STATEMENTS)
    document = Place.of(file, (), file.document)
    if "dsseEnvelope" in document.values:
        # A bundle of Sigstore: `cosign` and `gh attestation download` write it.
        document = document.mapping("dsseEnvelope")
    if document.text("payloadType") == IN_TOTO:
        return parse(_payload(document), f"{name} (payload)")
    subjects: Sequence[Claim] = ()
    if str(document.values.get("predicateType", "")).startswith(CONTEXT):
        subjects = [_subject(place) for place in document.mappings("subject")]
        document = document.mapping("predicate")
    if not str(document.values.get("@context", "")).startswith(CONTEXT):
        raise DocumentError(f"{name}:1: this is no OpenVEX document: its @context is not {CONTEXT}")
    time = document.text("timestamp")
    places = document.mappings(_STATEMENTS)
    return rules_of([_statement(place, time, subjects) for place in places])


def _of_lines(lines: Sequence[str], name: str) -> list[Rule]:
    """Return the rules of envelopes, one a line, as `cosign download attestation` prints them."""
    rules: list[Rule] = []
    for number, line in enumerate(lines, 1):
        file = read_json(line, f"{name}:{number}", _STATEMENTS)
        envelope = Place.of(file, (), file.document)
        bundled = "dsseEnvelope" in envelope.values
        payload = _payload(envelope.mapping("dsseEnvelope") if bundled else envelope)
        if CONTEXT in payload:
            parsed = parse(payload, f"{name}:{number} (payload)")
            rules += [replace(rule, line=number) for rule in parsed]
        else:
            rules.append(SkippedRule(number, "an attestation", "it is not about OpenVEX"))
    return rules


def _payload(envelope: Place) -> str:
    """Return the attestation in an envelope. Its signature is not checked."""
    try:
        return base64.b64decode(envelope.text("payload") or "", validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise envelope.mistake("payload", "must be JSON in Base64") from error


def _subject(place: Place) -> Claim:
    """Return the image that an attestation is about."""
    digest = place.mapping("digest").text("sha256") or ""
    if len(digest) != _SHA256:
        return Claim(None)
    name = (place.text("name") or "image").partition("@")[0].rpartition("/")[2].partition(":")[0]
    return Claim(f"pkg:oci/{name}@sha256:{digest}")


def _statement(place: Place, document_time: str | None, subjects: Sequence[Claim]) -> Statement:
    old = isinstance(place.values.get("vulnerability"), str) or "subcomponents" in place.values
    if old:
        raise DocumentError(
            f"{place.file.name}:{place.line}: this is written as before OpenVEX 0.2.0, which alone "
            "is read; have its author publish it anew"
        )
    vulnerability = place.mapping("vulnerability")
    name = vulnerability.text("name")
    status = place.text("status") or "nothing"
    unknown = place.unknown(_KNOWN)
    claims = [
        _claim(product, part)
        for product in place.mappings("products")
        for part in product.mappings("subcomponents") or (None,)
    ]
    return Statement(
        line=place.line,
        name=name,
        names=tuple([alias for alias in (name, *vulnerability.texts("aliases")) if alias]),
        status=status,
        suppresses=status in _SUPPRESSING,
        claims=tuple(_in_subjects(claims, subjects)) if claims else tuple(subjects),
        time=time_of(place.text("timestamp") or document_time),
        reason=_reason(place),
        doubt=None if unknown is None else f"{unknown} may limit it, and is not known here",
    )


def _in_subjects(claims: Iterable[Claim], subjects: Sequence[Claim]) -> Iterator[Claim]:
    """Yield claims of an attestation: one about a package holds in its images alone."""
    for claim in claims:
        if not subjects or claim.has_part or claim.product is None or claim.image is not None:
            yield claim
        else:
            for subject in subjects:
                yield replace(subject, part=claim.product, has_part=True, doubt=claim.doubt)


def _claim(product: Place, part: Place | None) -> Claim:
    unknown = next(
        (key for place in (product, part) if place and (key := place.unknown(_KNOWN_OF_PRODUCTS))),
        None,
    )
    doubt = None if unknown is None else f"{unknown} may limit its product, and is not known here"
    return Claim(_purl(product), _purl(part) if part else None, part is not None, doubt)


def _purl(component: Place) -> str | None:
    """Return the package URL of a product or a part, or of an image by its digest; else None."""
    identifier = component.text("@id") or ""
    if identifier.startswith(_SCHEME):
        return identifier
    return component.mapping("identifiers").text("purl") or image_url(identifier)


def _reason(place: Place) -> str | None:
    justification = (place.text("justification") or "").replace("_", " ")
    words = place.text("impact_statement") or place.text("status_notes")
    fixed = "fixed" if place.text("status") == "fixed" else None
    return ": ".join(filter(None, (fixed, justification, words))) or None
