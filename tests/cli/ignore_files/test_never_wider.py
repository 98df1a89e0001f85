"""
What is imported never leaves out more than its origin did.

The origins are told here once more, each as its tool applies its rules; a finding that ours leaves
out must be one that the origin ignores, on each day. A vulnerability has several names: the origin
is asked for each of them, as an entry of ours holds for each.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cli.ignore_files import FORMATS
from cli.ignore_files.importing import Wishes, plan
from lib.core.suppressions import matcher
from lib.models import Finding, Image, Package, Severity
from lib.urls.packages import read_package_url
from tests.cli.ignore_files.origins import TODAY
from tests.support.builders import a_digest, an_image
from tests.support.every import every
from tests.support.thorough import examples

Ignores = Callable[[str, Finding, Image, date], bool]
"""Whether the origin ignores a finding under one name of its vulnerability."""

IDS = ("CVE-2024-1", "CVE-2024-2", "GHSA-aaaa-bbbb-cccc")
NAMES = ("a", "libx++", "@s/a")
VERSIONS = ("1", "1:1.0-1")
PATHS = ("a", "usr/a", "usr/lib/a", "usr/lib/x/a")
REPOSITORIES = ("api", "payments/api", "worker")
ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
SEGMENTS = ("usr", "lib", "a", "*", "**", "u*", "?", "[a]", "{a,x}", "**a")
PATTERNS = [
    *SEGMENTS,
    *map("/".join, product(SEGMENTS, repeat=2)),
    *map("/{}/a".format, SEGMENTS),
    *map("usr/{}/a".format, SEGMENTS),
    *(
        "/**",
        "usr?a",
        "/usr?a",
        "/usr/**",
        "usr/lib/**",
        "**/lib/**",
        "/usr/lib/a",
        "/usr/*",
        "/u*/**",
    ),
]
GLOBS = st.sampled_from(PATTERNS)
PURLS = st.builds(
    "pkg:{}{}{}{}".format,
    st.sampled_from(["deb/debian/", "deb/debian/", "deb/", "npm/", "npm/%40s/", "github/"]),
    st.sampled_from(["a", "a", "libx++"]),
    st.sampled_from(["", "@1", "@1%3A1.0-1"]),
    st.sampled_from(["", "", "?arch=amd64", "?arch=arm64", "?x=y", "#s"]),
)
DAYS = [TODAY + timedelta(days=each) for each in (0, 1, 2)]
ENDS = st.sampled_from(DAYS)
LASTING = Wishes(TODAY, TODAY + timedelta(days=1000), "imported")
RARELY_X = st.sampled_from([""] * 5 + ["x"])
NOTHING = (None, "", [])


@cache
def findings() -> tuple[Finding, ...]:
    """Return findings of packages of Debian, of npm, and of a kind that nobody says."""
    named = [(name,) for name in IDS] + [(IDS[0], IDS[2])]
    return tuple(
        Finding(names[0], package, Severity.HIGH, aliases=names[1:])
        for names, package in product(named, packages())
    )


def packages() -> Iterator[Package]:
    for name, version, path in product(NAMES, VERSIONS, (None, *PATHS)):
        encoded = f"{name.replace('@', '%40')}@{version.replace(':', '%3A')}"
        for purl in (
            None,
            f"pkg:deb/debian/{encoded}?arch=amd64&distro=debian-12",
            f"pkg:deb/ubuntu/{encoded}?arch=arm64",
            f"pkg:npm/{encoded}",
        ):
            yield Package(name, version, path=path, purl=purl)


def images() -> Iterator[Image]:
    for number, repository in enumerate(REPOSITORIES, 1):
        yield an_image(number, repository=repository)
    # A copy of the first one.
    yield an_image(1, repository=REPOSITORIES[1])


def require_no_wider(
    format_: str, text: str, ignores: Ignores, days: Iterable[date] = (TODAY,)
) -> None:
    """Fail when ours leaves out any finding on a day when the origin does not ignore it."""
    entries = [each.entry for each in plan(FORMATS[format_](text, "FILE"), (), LASTING).new]
    for image, day in product(images(), days) if entries else ():
        suppressed = matcher(entries, image, day)
        for finding in filter(suppressed, findings()):
            names = (finding.vulnerability_id, *finding.aliases)
            assert any(ignores(name, finding, image, day) for name in names)


def doublestar(pattern: str, path: str) -> bool:
    """Match as doublestar does: a * ends at a slash, ** between slashes does not."""
    found = re.escape(pattern)
    found = found.replace(r"/\*\*/", "/(?:.*/)?")
    found = re.sub(r"^\\\*\\\*/", "(?:.*/)?", found)
    found = re.sub(r"/\\\*\\\*$", "(?:/.*)?", found)
    found = ".*" if found == r"\*\*" else found
    found = re.sub(r"(?:\\\*)+", "[^/]*", found).replace(r"\?", "[^/]")
    found = found.replace(r"\[a\]", "[a]").replace(r"\{a,x\}", "(?:a|x)")
    return re.fullmatch(found, path) is not None


def agrees(limit: str, purl: str | None) -> bool:
    """Compare as Trivy and OpenVEX do: what a limit says must be the same."""
    wanted, found = read_package_url(limit), read_package_url(purl or "")
    return (
        wanted is not None
        and found is not None
        and (wanted.type, wanted.namespace, wanted.name)
        == (found.type, found.namespace, found.name)
        and wanted.version in (None, found.version)
        and wanted.qualifiers.items() <= found.qualifiers.items()
        and wanted.subpath in ("", found.subpath)
    )


@every("pattern", PATTERNS)
def test_paths(pattern: str) -> None:
    """Every pattern, alone: for grype of absolute paths, for Trivy of those without a slash."""
    trivy = json.dumps({"vulnerabilities": [{"id": IDS[0], "paths": [pattern]}]})
    grype = json.dumps({"ignore": [{"vulnerability": IDS[0], "package": {"location": pattern}}]})

    def ignores(name: str, finding: Finding, _: Image, __: date) -> bool:
        return name == IDS[0] and doublestar(pattern, finding.package.path or "")

    def ignores_absolute(name: str, finding: Finding, _: Image, __: date) -> bool:
        return name == IDS[0] and doublestar(pattern, f"/{finding.package.path or ''}")

    require_no_wider("trivyignore-yaml", trivy, ignores)
    require_no_wider("grype", grype, ignores_absolute)


# --- Trivy --------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=examples(60))
@given(
    st.lists(
        st.tuples(st.sampled_from(IDS), st.none() | ENDS, st.booleans()), min_size=1, max_size=3
    ),
)
def test_trivyignore(
    lines: list[tuple[str, date | None, bool]],
) -> None:
    """An id holds everywhere until midnight before its date, even one in a comment."""
    text = "\n".join(
        name + (f"{' # ' if remark else ' '}exp:{end}" if end else "")
        for name, end, remark in lines
    )

    def ignores(name: str, _: Finding, __: Image, day: date) -> bool:
        return any(name == line and (end is None or day < end) for line, end, _ in lines)

    require_no_wider("trivyignore", text, ignores, DAYS)


@settings(deadline=None, max_examples=examples(60))
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "id": st.sampled_from([*IDS, ""]),
                "paths": st.lists(GLOBS, min_size=1, max_size=2) | st.none(),
                "purls": st.lists(PURLS, min_size=1, max_size=2) | st.none(),
                "expired_at": st.sampled_from(
                    [None, None, *map(str, DAYS), *map("{}T12:00:00Z".format, DAYS)]
                ),
                "other": RARELY_X,
            }
        ),
        min_size=1,
        max_size=2,
    ),
)
def test_trivyignore_yaml(
    entries: list[dict[str, Any]],
) -> None:
    """One of the paths and one of the package URLs must match, before the end."""
    # JSON is YAML, too.
    text = json.dumps({"vulnerabilities": entries, "secrets": [{"id": IDS[0]}]})

    def ignores(name: str, finding: Finding, _: Image, day: date) -> bool:
        return any(one_ignores(each, name, finding.package, day) for each in entries)

    def one_ignores(entry: Mapping[str, Any], name: str, package: Package, day: date) -> bool:
        paths, purls = entry.get("paths") or ["**"], entry.get("purls")
        end = datetime.fromisoformat(entry["expired_at"] or "2999-01-01").replace(tzinfo=UTC)
        last_moment = datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC)
        return (
            entry.get("id") == name
            and entry.get("other") in NOTHING
            and last_moment < end
            and any(doublestar(each, package.path or "") for each in paths)
            and (not purls or any(agrees(each, package.purl) for each in purls))
        )

    require_no_wider("trivyignore-yaml", text, ignores, DAYS)


# --- Grype --------------------------------------------------------------------------------------

MAYBE = dict.fromkeys(("fix-state", "namespace", "vex-status", "new-limit"), RARELY_X)
PACKAGE_RULES = st.fixed_dictionaries(
    {
        "name": st.sampled_from(
            ["", "", "a", "^a$", "a|b", ".", ".*", "libx++", r"libx\+\+", "lib.*", "@s/a", "["]
        ),
        "version": st.sampled_from(["", "", "1", "1.0-1", "0:1.0-1", "1:1.0-1"]),
        "type": st.sampled_from(["", "", "deb", "npm", "python", "java-archive"]),
        "location": st.just("") | GLOBS,
        "upstream-name": RARELY_X,
    }
)


@settings(deadline=None, max_examples=examples(200))
@given(
    st.lists(
        st.fixed_dictionaries(
            {"vulnerability": st.sampled_from([*IDS, ""]), "package": PACKAGE_RULES} | MAYBE
        ),
        min_size=1,
        max_size=2,
    ),
)
def test_grype(rules: list[dict[str, Any]]) -> None:
    """All that a rule says must hold; what an entry cannot say may not."""

    def ignores(name: str, finding: Finding, _: Image, __: date) -> bool:
        return any(one_ignores(each, name, finding.package) for each in rules)

    def one_ignores(rule: Mapping[str, Any], name: str, package: Package) -> bool:
        wanted = rule.get("package", {})
        version = wanted.get("version", "").removeprefix("0:")
        purl = package.purl or ""
        return (
            rule.get("vulnerability") == name
            and all(rule.get(each) in NOTHING for each in MAYBE)
            and wanted.get("upstream-name") in NOTHING
            and regex(wanted.get("name", ""), package.name)
            and version in ("", package.version)
            and (not wanted.get("type") or purl.startswith(f"pkg:{wanted['type']}/"))
            and (
                not wanted.get("location")
                or doublestar(wanted["location"], f"/{package.path or ''}")
            )
        )

    def regex(pattern: str, name: str) -> bool:
        # RE2 has no possessive quantifiers, and refuses what this does.
        if not pattern or "++" in pattern.replace(r"\+", "") or pattern == "[":
            return not pattern
        return re.fullmatch(pattern, name) is not None

    require_no_wider("grype", json.dumps({"ignore": rules}), ignores)


# --- OpenVEX ------------------------------------------------------------------------------------

COMPONENTS = st.fixed_dictionaries(
    {"@id": st.sampled_from(["pkg:npm/a", "pkg:deb/debian/a", "cpe:/a:b"]) | PURLS},
    optional={"other": RARELY_X, "hashes": st.just({"md5": "12"})},
)
OCI = st.builds(
    "pkg:oci/{}{}".format,
    # A digest is of one name: whatever else has it is the same image.
    st.sampled_from(["api", "worker", "api@1", f"api@{a_digest(1)}", f"worker@{a_digest(3)}"]),
    st.sampled_from(
        [
            *("", "", f"?repository_url={ECR}/payments/api", f"?repository_url={ECR}/api"),
            *("?repository_url=ghcr.io/payments/api", "?tag=1.4.1"),
        ]
    ),
)
PRODUCTS = st.builds(
    lambda made, parts: {**made, "subcomponents": parts},
    COMPONENTS | OCI.map(lambda purl: {"@id": purl}),
    st.just([]) | st.lists(COMPONENTS, max_size=2),
)
STATEMENTS = st.fixed_dictionaries(
    {
        "vulnerability": st.sampled_from(
            [{"name": IDS[0]}, {"name": IDS[0], "aliases": [IDS[2]]}, {"name": IDS[2]}]
        ),
        "status": st.sampled_from(
            ["not_affected", "not_affected", "fixed", "affected", "under_investigation"]
        ),
        "products": st.lists(PRODUCTS, min_size=1, max_size=2),
        "timestamp": st.sampled_from(["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", None]),
        "other": RARELY_X,
    }
)


@settings(deadline=None, max_examples=examples(100))
@given(st.lists(STATEMENTS, min_size=1, max_size=3))
def test_openvex(statements: list[dict[str, Any]]) -> None:
    """The last statement about a finding must be one that suppresses it."""
    document_time = "2026-01-15T00:00:00Z"
    document = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "timestamp": document_time,
        "statements": statements,
    }

    def ignores(name: str, finding: Finding, image: Image, _: date) -> bool:
        said = [each for each in statements if is_about(each, name, finding, image)]
        last = max(said, key=lambda each: (time_of(each), not suppresses(each)), default={})
        return suppresses(last)

    def time_of(statement: Mapping[str, Any]) -> str:
        return str(statement["timestamp"] or document_time)

    def suppresses(statement: Mapping[str, Any]) -> bool:
        return statement.get("status") in ("not_affected", "fixed")

    require_no_wider("openvex", json.dumps(document), ignores)


def is_about(statement: Mapping[str, Any], name: str, finding: Finding, image: Image) -> bool:
    """Whether a statement is about a finding, as its author meant it."""
    vulnerability = statement["vulnerability"]
    return (
        name in (vulnerability["name"], *vulnerability.get("aliases", ()))
        and statement.get("other") in NOTHING
        and any(is_product(each, finding.package, image) for each in statement["products"])
    )


def is_product(made: Mapping[str, Any], package: Package, image: Image) -> bool:
    """Whether a finding is in a product; in one that is no image, only that itself can be."""
    parts: Iterable[Mapping[str, Any]] = made["subcomponents"]
    if made["@id"].startswith("pkg:oci/"):
        inside = not parts or any(is_component(each, package) for each in parts)
        return inside and is_image(made["@id"], image)
    return not parts and is_component(made, package)


def is_component(component: Mapping[str, Any], package: Package) -> bool:
    """Whether a package is this one."""
    return component.get("other") in NOTHING and agrees(component["@id"], package.purl)


def is_image(purl: str, image: Image) -> bool:
    """Whether an image is this one; a digest says it all."""
    parts = read_package_url(purl)
    assert parts is not None
    if parts.version is not None:
        return parts.version == image.digest
    if parts.name != image.repository.rpartition("/")[2]:
        return False
    known = {"repository_url": f"{ECR}/{image.repository}", "tag": ""}
    return parts.qualifiers.items() <= known.items()
