"""Files of tools whose rules are not taken over, by name, and what to do with each. Pure."""

import re
from pathlib import PurePath
from typing import Final

_BY_HAND: Final = "write its rules with `suppressions add`"

_FILES: Final = {
    ".nsprc": "exceptions of better-npm-audit",
    ".snyk": "a policy of Snyk",
}
_TEXTS: Final = tuple(
    (re.compile(pattern, re.MULTILINE), name, advice)
    for pattern, name, advice in (
        (r"^\s*\[\[IgnoredVulns\]\]", "a configuration of osv-scanner", _BY_HAND),
        (r"^\s*package trivy\b", "a policy of Trivy in Rego", _BY_HAND),
        (r"^generalwhitelist:", "an allowlist of Clair", _BY_HAND),
        (r"\A\s*(?:<\?xml[^>]*>\s*)?<suppressions\b", "suppressions of Dependency-Check", _BY_HAND),
        (r"\A\s*(?:<\?xml[^>]*>\s*)?<bom\b", "CycloneDX in XML", "convert it to JSON"),
        (
            r'\A\s*\{\s*"filters"\s*:',
            "suppression rules of Inspector",
            "they hold already, as what they suppress is not open",
        ),
        (r'\A\s*\{[^}]*"https://spdx\.org/rdf/', "VEX in SPDX 3", "ask for OpenVEX or CSAF"),
        (r'\A\s*\{\s*"sbom"\s*:', "an answer of inspector-scan", "its analyses are open questions"),
        (r'\A\s*\{\s*"allowlist"\s*:', "a configuration of audit-ci", _BY_HAND),
        (r"\A\s*\[\s*[{\[]", "a list of documents", "import them one by one"),
        (r"\A['\"]?@context['\"]?:", "YAML", "VEX is JSON: convert it"),
    )
)


def other_file(name: str, text: str) -> str | None:
    """Return what a file is that is not taken over, with what to do; None for any other file."""
    if not text.strip():
        return "it is empty"
    known_name = _FILES.get(PurePath(name.lower()).name)
    if known_name is not None:
        return f"this holds {known_name}: {_BY_HAND}"
    kinds = (f"this holds {kind}: {advice}" for mark, kind, advice in _TEXTS if mark.search(text))
    return next(kinds, None)
