"""
CycloneDX with VEX: the analysis of vulnerabilities in components, in JSON.

https://cyclonedx.org/docs/1.6/json/#vulnerabilities
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from cli.ignore_files.json_lines import read_json
from cli.ignore_files.places import Place
from cli.ignore_files.rules import Rule
from cli.ignore_files.vex import OCI, Claim, Statement, image_url, rules_of, time_of
from lib.errors import DocumentError
from lib.urls.packages import read_package_url

FORMAT: Final = "CycloneDX"
_VULNERABILITIES: Final = "vulnerabilities"
_SUPPRESSING: Final = frozenset(
    {"not_affected", "false_positive", "resolved", "resolved_with_pedigree"}
)
_LINK: Final = "urn:cdx:"
_SCHEME: Final = "pkg:"
_DEEPEST: Final = 64


class _Subject(NamedTuple):
    """The subject of a document: an image, something else, or nothing that it names."""

    image: str | None
    """The package URL of an image."""
    other: str | None
    """The name of something else."""
    components: Mapping[str, str]
    """Its own reference with its package URL."""


def parse(text: str, name: str) -> list[Rule]:
    """Return the rules of a document. Raises `DocumentError` with file and line."""
    file = read_json(text, name, _VULNERABILITIES)
    document = Place.of(file, (), file.document)
    if document.text("bomFormat") != FORMAT:
        raise DocumentError(f"{name}:1: this is no CycloneDX document: its bomFormat is another")
    metadata = document.mapping("metadata")
    subject = _subject(metadata.mapping("component"))
    components = {**dict(_components(document, 0)), **subject.components}
    time = metadata.text("timestamp")
    places = document.mappings(_VULNERABILITIES)
    return rules_of([_statement(place, components, subject, time) for place in places])


def _components(place: Place, depth: int) -> Iterator[tuple[str, str]]:
    """Yield the references of components with their package URLs."""
    if depth > _DEEPEST:
        raise DocumentError(f"{place.file.name}:{place.line}: this is nested too deeply")
    for component in place.mappings("components"):
        reference, purl = component.text("bom-ref"), component.text("purl")
        if reference is not None and purl is not None:
            yield reference, purl
        yield from _components(component, depth + 1)


def _subject(component: Place) -> _Subject:
    """Return the subject of the whole document."""
    purl = component.text("purl")
    name, version = component.text("name") or "", component.text("version")
    parts = read_package_url(purl or "")
    if parts is None or parts.type != OCI:
        image = image_url(name) or image_url(f"{name}@{version}")
    else:
        image = purl
    reference, own = component.text("bom-ref"), image or purl
    components = {reference: own} if reference and own else {}
    return _Subject(image, None if image else (name or purl), components)


def _statement(
    place: Place, components: Mapping[str, str], subject: _Subject, document_time: str | None
) -> Statement:
    analysis = place.mapping("analysis")
    state = analysis.text("state") or "nothing"
    aliases = [reference.text("id") for reference in place.mappings("references")]
    name = place.text("id")
    return Statement(
        line=place.line,
        name=name,
        names=tuple([alias for alias in (name, *aliases) if alias]),
        status=state.replace("_", " "),
        suppresses=state in _SUPPRESSING,
        claims=tuple([_claim(one, components, subject) for one in place.mappings("affects")]),
        time=time_of(analysis.text("lastUpdated") or place.text("updated") or document_time),
        reason=_reason(analysis, state),
    )


def _claim(affected: Place, components: Mapping[str, str], subject: _Subject) -> Claim:
    reference = affected.text("ref") or ""
    # A link names the document, and after # the component in it.
    own = reference.partition("#")[2] if reference.startswith(_LINK) else reference
    purl = own if own.startswith(_SCHEME) else components.get(own)
    doubt = "its versions may limit it" if affected.mappings("versions") else None
    if purl in subject.components.values():
        return Claim(purl, doubt=doubt)
    if subject.image is None:
        return Claim(purl, doubt=doubt, only_in=subject.other)
    return Claim(subject.image, purl, has_part=True, doubt=doubt)


def _reason(analysis: Place, state: str) -> str | None:
    justification = (analysis.text("justification") or "").replace("_", " ")
    fixed = "fixed" if state.startswith("resolved") else None
    words = "false positive" if state == "false_positive" else None
    detail = analysis.text("detail")
    return ": ".join(filter(None, (fixed, words, justification, detail))) or None
