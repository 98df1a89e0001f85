"""
CycloneDX with VEX: the analysis of vulnerabilities in components, in JSON.

https://cyclonedx.org/docs/1.6/json/#vulnerabilities
"""

from collections.abc import Iterator, Mapping
from typing import Final

from cli.ignore_files.json_lines import read_json
from cli.ignore_files.places import Place
from cli.ignore_files.rules import Rule
from cli.ignore_files.vex import OCI, Claim, Statement, rules_of, time_of
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


def parse(text: str, name: str) -> list[Rule]:
    """Return the rules of a document. Raises `DocumentError` with file and line."""
    file = read_json(text, name, _VULNERABILITIES)
    document = Place.of(file, (), file.document)
    if document.text("bomFormat") != FORMAT:
        raise DocumentError(f"{name}:1: this is no CycloneDX document: its bomFormat is another")
    metadata = document.mapping("metadata")
    components = dict(_components(document, 0))
    subject = metadata.mapping("component")
    image = _image(subject)
    components |= {subject.text("bom-ref") or "": image or ""} if image else {}
    time = metadata.text("timestamp")
    places = document.mappings(_VULNERABILITIES)
    return rules_of([_statement(place, components, image, time) for place in places])


def _components(place: Place, depth: int) -> Iterator[tuple[str, str]]:
    """Yield the references of components with their package URLs."""
    if depth > _DEEPEST:
        raise DocumentError(f"{place.file.name}:{place.line}: this is nested too deeply")
    for component in place.mappings("components"):
        reference, purl = component.text("bom-ref"), component.text("purl")
        if reference is not None and purl is not None:
            yield reference, purl
        yield from _components(component, depth + 1)


def _image(component: Place) -> str | None:
    """Return the package URL of the image that the whole document is about; None: of none."""
    purl = component.text("purl")
    parts = read_package_url(purl or "")
    return purl if parts is not None and parts.type == OCI else None


def _statement(
    place: Place, components: Mapping[str, str], image: str | None, document_time: str | None
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
        claims=tuple([_claim(one, components, image) for one in place.mappings("affects")]),
        time=time_of(analysis.text("lastUpdated") or place.text("updated") or document_time),
        reason=_reason(analysis, state),
    )


def _claim(affected: Place, components: Mapping[str, str], image: str | None) -> Claim:
    reference = affected.text("ref") or ""
    # A link names the document, and after # the component in it.
    own = reference.partition("#")[2] if reference.startswith(_LINK) else reference
    purl = own if own.startswith(_SCHEME) else components.get(own)
    doubt = "its versions may limit it" if affected.mappings("versions") else None
    if image is None or purl == image:
        return Claim(purl, doubt=doubt)
    return Claim(image, purl, has_part=True, doubt=doubt)


def _reason(analysis: Place, state: str) -> str | None:
    justification = (analysis.text("justification") or "").replace("_", " ")
    fixed = "fixed" if state.startswith("resolved") else None
    words = "false positive" if state == "false_positive" else None
    detail = analysis.text("detail")
    return ": ".join(filter(None, (fixed, words, justification, detail))) or None
