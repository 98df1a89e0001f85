"""The next steps of a digest: what to upgrade or rebuild, what that removes, and where. Pure."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from lib.messages.describing import is_kernel
from lib.messages.digest_parts import DigestLine, linked
from lib.messages.phrases import counts_text, listed, names_text
from lib.models import Finding, Package, PackageDigest, Severity
from lib.text import counted, one_line, short
from lib.urls.advisories import vulnerability_url

_NAME: Final = 60
_VERSIONS: Final = 2
_VERSION: Final = 40


def steps(packages: Sequence[PackageDigest]) -> Iterator[DigestLine]:
    """Yield the steps, one for all packages of the same base image."""
    for _, group in groupby(packages, _base):
        yield _step(list(group))


def _base(package: PackageDigest) -> tuple[object, ...]:
    """Return the images whose base image a package comes with; one with a fix is alone."""
    if package.of_distribution and not package.fixable:
        return package.images
    return (package.package, package.others, package.fixable)


def _step(packages: Sequence[PackageDigest]) -> DigestLine:
    """Return what to upgrade or rebuild, what that removes, and where it is."""
    package = packages[0]
    names = names_text([image.name for image in package.images])
    if package.fixable:
        text = f"{_upgrade(package)} in {names}"
        if is_kernel(package.package):
            text = f"Patch the hosts' kernel first. Then {text[0].lower()}{text[1:]}"
            text = f"{text}, which clears the scan, not the risk"
    elif package.of_distribution:
        parts = [f"{_installed(one)} ({counts_text(one.counts)})" for one in packages]
        versions = "a newer version" if len(packages) == 1 else "newer versions"
        text = (
            f"Rebuild {names} on the latest base image, or look for {versions} of {listed(parts)}"
        )
    else:
        text = f"Look for a newer version of {_installed(package)}: "
        text = f"{text}{counts_text(package.counts)} in {names}"
    finding = Finding(package.worst, Package(package.package), Severity.UNKNOWN)
    label = f"For example: {short(package.worst, _NAME)}"
    return linked(one_line(text), label, vulnerability_url(finding))


def _upgrade(package: PackageDigest) -> str:
    counts = counts_text(package.counts)
    if not package.fixed:
        return f"Upgrade {_installed(package)}: a fix exists for {counts}"
    versions = _versions(package)
    start = f" from {versions}" if versions else ""
    target = short(package.fixed, _VERSION)
    return f"Upgrade {_package(package)}{start} to {target}: removes {counts}"


def _installed(package: PackageDigest) -> str:
    return f"{_package(package)} {_versions(package)}".rstrip()


def _versions(package: PackageDigest) -> str:
    versions = ", ".join(short(version, _VERSION) for version in package.installed[:_VERSIONS])
    more = len(package.installed) - _VERSIONS
    return f"{versions} and {more:,} more" if more > 0 else versions


def _package(package: PackageDigest) -> str:
    others = counted(package.others, "more package")
    return f"{short(package.package, _NAME)}{f' and {others}' if package.others else ''}"
