"""
Answers of Inspector's ScanSbom in CycloneDX, as rows of its ListFindings. Pure.

https://docs.aws.amazon.com/inspector/latest/user/sbom-generator-inspector.html

They are read where their subject is an image in ECR, named as it is pulled.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from lib.normalizer.images import IMAGE_TYPE
from lib.normalizer.values import mapping, name, number, objects, text
from lib.urls.packages import DISTRIBUTED, PackageUrl, read_package_url
from lib.urls.partitions import DOMAINS, partition_of

_IMAGE: Final = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\."
    rf"(?:{'|'.join(map(re.escape, DOMAINS))})/(?P<repository>[a-z0-9._/-]+)"
    r"(?::(?P<tag>\w[\w.-]*))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
_SCANNER: Final = "amazon:inspector:sbom_scanner:"
_MANAGERS: Final = MappingProxyType(
    {
        "cargo": "CARGO",
        "composer": "COMPOSER",
        "gem": "BUNDLER",
        "generic": "GENERIC",
        "golang": "GOBINARY",
        "maven": "JAR",
        "npm": "NODEPKG",
        "nuget": "NUGET",
        "pypi": "PYTHONPKG",
    }
)
"""Inspector's package managers, by the types of package URLs."""
_PLATFORMS: Final = MappingProxyType({"amzn": "AMAZON_LINUX", "rocky": "ROCKY_LINUX"})
"""Inspector's words for distributions, where they are not the names in package URLs."""
_YES_OR_NO: Final = MappingProxyType({"true": "YES", "false": "NO"})
_LAST_SEEN: Final = "exploit_last_seen_in_public"
_OWN: Final = "AMAZON_INSPECTOR"
_EPSS: Final = "EPSS"
_WORDS: Final = MappingProxyType({"info": "INFORMATIONAL", "none": "UNTRIAGED"})
_DEEPEST: Final = 16


def is_scan_of_image(node: Mapping[str, Any]) -> bool:
    """Whether an object is an answer about an image in ECR that lists a vulnerability."""
    sbom = mapping(node.get("sbom"))
    return _subject(sbom) is not None and bool(objects(sbom.get("vulnerabilities")))


def scan_sbom_rows(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each vulnerability of an answer."""
    sbom = mapping(answer.get("sbom"))
    components = dict(_components(sbom, 0))
    at = mapping(sbom.get("metadata")).get("timestamp")
    platform = next(filter(None, (_platform(part) for part in components.values())), None)
    resource = _resource(_subject(sbom), platform)
    vulnerabilities = objects(sbom.get("vulnerabilities"))
    return [{**_row(one, components, at), "resources": [resource]} for one in vulnerabilities]


def _subject(sbom: Mapping[str, Any]) -> re.Match[str] | None:
    subject = mapping(mapping(sbom.get("metadata")).get("component"))
    return _IMAGE.fullmatch(name(subject.get("name")))


def _components(node: Mapping[str, Any], depth: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the components of a document, and those inside of them, by their references."""
    if depth > _DEEPEST:
        return
    for component in objects(node.get("components")):
        yield name(component.get("bomRef")), component
        yield from _components(component, depth + 1)


def _resource(subject: re.Match[str] | None, platform: str | None) -> dict[str, Any]:
    parts = subject.groupdict() if subject is not None else {}
    region, account, repository = (parts.get(key) for key in ("region", "account", "repository"))
    place = f"arn:{partition_of(region or '').name}:ecr:{region}:{account}:repository/{repository}"
    digest = parts.get("digest")
    details = {
        "repositoryName": repository,
        "registry": account,
        "imageHash": digest,
        "imageTags": [parts["tag"]] if parts.get("tag") else [],
        "platform": platform,
    }
    return {
        "type": IMAGE_TYPE,
        "id": f"{place}/{digest}" if digest else place,
        "region": region,
        "details": {"awsEcrContainerImage": details},
    }


def _platform(component: Mapping[str, Any]) -> str | None:
    """Return the distribution of a component in Inspector's words; None for a language's."""
    purl = read_package_url(name(component.get("purl")))
    if purl is None or purl.type not in DISTRIBUTED or not purl.namespace:
        return None
    release = purl.qualifiers.get("distro", "").removeprefix(purl.namespace).strip("-")
    word = _PLATFORMS.get(purl.namespace, purl.namespace)
    return f"{word}_{release}".strip("_").replace(".", "_").upper()


def _row(
    vulnerability: Mapping[str, Any], components: Mapping[str, Mapping[str, Any]], at: Any
) -> dict[str, Any]:
    properties = _properties(vulnerability)
    ratings = objects(vulnerability.get("ratings"))
    source = mapping(vulnerability.get("source"))
    fixes = {
        key.removeprefix("fixed_version:"): value
        for key, value in properties.items()
        if key.startswith("fixed_version:")
    }
    references = [name(affected.get("ref")) for affected in objects(vulnerability.get("affects"))]
    affected = [reference for reference in references if reference in components]
    return {
        "title": text(vulnerability.get("id")),
        "description": vulnerability.get("description"),
        "severity": _severity(ratings),
        "status": "ACTIVE",
        "updatedAt": at,
        "fixAvailable": _fix_available(affected, fixes),
        "exploitAvailable": _YES_OR_NO.get(properties.get("exploit_available", "")),
        "exploitabilityDetails": {"lastKnownExploitAt": properties.get(_LAST_SEEN)},
        "epss": {"score": _rated(ratings, _EPSS).get("score")},
        "packageVulnerabilityDetails": {
            "vulnerabilityId": vulnerability.get("id"),
            "relatedVulnerabilities": [
                one.get("id") for one in objects(vulnerability.get("references"))
            ],
            "source": source.get("name"),
            "sourceUrl": source.get("url"),
            "referenceUrls": [one.get("url") for one in objects(vulnerability.get("advisories"))],
            "cvss": [_cvss(rating) for rating in ratings if rating.get("vector")],
            "vulnerablePackages": [
                _package(components[reference], fixes.get(reference)) for reference in affected
            ],
        },
    }


def _fix_available(affected: Sequence[str], fixes: Mapping[str, str]) -> str:
    fixed = sum(reference in fixes for reference in affected)
    return "NO" if not fixed else "YES" if fixed == len(affected) else "PARTIAL"


def _properties(node: Mapping[str, Any]) -> dict[str, str]:
    """Return the properties that the scanner adds, without their common beginning."""
    return {
        name(entry.get("name")).removeprefix(_SCANNER): name(entry.get("value"))
        for entry in objects(node.get("properties"))
        if name(entry.get("name")).startswith(_SCANNER)
    }


def _rated(ratings: list[dict[str, Any]], source: str) -> Mapping[str, Any]:
    return next((one for one in ratings if mapping(one.get("source")).get("name") == source), {})


def _severity(ratings: list[dict[str, Any]]) -> str | None:
    """Return Inspector's own word, else the first one of anybody who rates severities."""
    words = [_rated(ratings, _OWN).get("severity")] + [
        one.get("severity") for one in ratings if mapping(one.get("source")).get("name") != _EPSS
    ]
    word = next(filter(None, words), None)
    return _WORDS.get(word, word) if isinstance(word, str) else None


def _cvss(rating: Mapping[str, Any]) -> dict[str, Any]:
    vector = name(rating.get("vector"))
    return {
        "version": vector.partition("/")[0].removeprefix("CVSS:"),
        "baseScore": number(rating.get("score")),
        "scoringVector": vector,
        "source": mapping(rating.get("source")).get("name"),
    }


def _package(component: Mapping[str, Any], fixed: str | None) -> dict[str, Any]:
    purl = read_package_url(name(component.get("purl")))
    if purl is None:
        return {"name": component.get("name"), "version": component.get("version")}
    return {
        "name": _name_of(purl),
        "version": purl.version or component.get("version"),
        "epoch": purl.qualifiers.get("epoch"),
        "arch": purl.qualifiers.get("arch"),
        "packageManager": "OS" if purl.type in DISTRIBUTED else _MANAGERS.get(purl.type),
        "filePath": _properties(component).get("path"),
        "fixedInVersion": fixed,
    }


def _name_of(purl: PackageUrl) -> str:
    """Return the name of a package as Inspector writes it."""
    if purl.type in DISTRIBUTED or not purl.namespace:
        return purl.name
    return f"{purl.namespace}{':' if purl.type == 'maven' else '/'}{purl.name}"
