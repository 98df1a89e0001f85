"""Package URLs, taken apart and compared."""

from lib.normalizer.package_url import package_url
from lib.urls.packages import KNOWN_QUALIFIERS, KNOWN_TYPES, read_package_url
from tests.support.every import every


class TestRead:
    """From text to parts."""

    @every(
        ("text", "parts"),
        [
            ("pkg:deb/debian/openssl", ("deb", "debian", "openssl", None, {})),
            ("pkg:deb/debian/openssl@1%3A3.0-1", ("deb", "debian", "openssl", "1:3.0-1", {})),
            ("PKG://NPM/%40scope/a@1", ("npm", "@scope", "a", "1", {})),
            ("pkg:npm/@scope/a", ("npm", "@scope", "a", None, {})),
            ("pkg:npm/@scope/a@1.0", ("npm", "@scope", "a", "1.0", {})),
            ("pkg:golang/golang.org/x/net@v1", ("golang", "golang.org/x", "net", "v1", {})),
            ("pkg:pypi/Ruamel_Yaml", ("pypi", "", "ruamel-yaml", None, {})),
            ("pkg:maven/Org.A/B", ("maven", "Org.A", "B", None, {})),
            ("pkg:rpm/amzn/a?arch=x86_64&epoch=1", ("rpm", "amzn", "a", None, None)),
            ("pkg:npm/a@", ("npm", "", "a", None, {})),
            ("pkg:npm/a?x=", ("npm", "", "a", None, {})),
        ],
    )
    def test_parts_are_decoded(self, text: str, parts: tuple[object, ...]) -> None:
        """Types and names are spelt in one way; what is encoded is not any more."""
        found = read_package_url(text)

        assert found is not None
        expected = {"arch": "x86_64", "epoch": "1"} if parts[-1] is None else parts[-1]
        assert (found.type, found.namespace, found.name, found.version) == parts[:-1]
        assert found.qualifiers == expected

    def test_a_part_of_a_package_is_told_apart(self) -> None:
        """What stands after # is a path in the package."""
        found = read_package_url("pkg:golang/a.b/c@1?arch=x#sub/path")

        assert found is not None
        assert (found.version, found.subpath) == ("1", "sub/path")

    @every(
        "text", ["", "openssl", "pkg:", "pkg:npm", "pkg:npm/", "pkg:/a", "cpe:/a:b", "https://a/b"]
    )
    def test_other_texts_are_none(self, text: str) -> None:
        """Nothing is guessed."""
        assert read_package_url(text) is None


class TestHoldsFor:
    """One as a limit for another."""

    @every(
        ("limit", "holds"),
        [
            ("pkg:deb/debian/openssl", True),
            ("pkg:deb/debian/OpenSSL@3.0-1", True),
            ("pkg:deb/openssl", True),
            ("pkg:deb/debian/openssl?arch=amd64", True),
            ("pkg:deb/debian/openssl?arch=amd64&distro=debian-12", True),
            ("pkg:deb/debian/openssl@3.0", False),
            ("pkg:deb/ubuntu/openssl", False),
            ("pkg:deb/debian/libssl3", False),
            ("pkg:deb/debian/openssl?arch=arm64", False),
            ("pkg:deb/debian/openssl?epoch=1", False),
            ("pkg:npm/openssl", False),
        ],
    )
    def test_all_that_is_said_must_agree(self, limit: str, *, holds: bool) -> None:
        """What is not said does not limit."""
        wanted = read_package_url(limit)
        package = read_package_url("pkg:deb/debian/openssl@3.0-1?arch=amd64&distro=debian-12")

        assert wanted is not None
        assert package is not None
        assert wanted.covers(package) is holds

    def test_only_distributions_can_be_left_open(self) -> None:
        """A name of npm without a scope is another one than with it."""
        wanted, package = read_package_url("pkg:npm/a"), read_package_url("pkg:npm/%40b/a")

        assert wanted is not None
        assert package is not None
        assert not wanted.covers(package)


@every(
    ("manager", "name", "os"),
    [
        ("OS", "a", "DEBIAN_12"),
        ("OS", "a", "ALPINE_3_20"),
        ("OS", "a", "AMAZON_LINUX_2023"),
        ("CARGO", "a", None),
        ("COMPOSER", "a", None),
        ("GEM", "a", None),
        ("GENERIC", "a", None),
        ("GOMOD", "a", None),
        ("JAR", "a:b", None),
        ("NPM", "a", None),
        ("NUGET", "a", None),
        ("PIP", "a", None),
    ],
)
def test_what_findings_have_is_known(manager: str, name: str, os: str | None) -> None:
    """The package URLs of findings can be read, and limited by what they say."""
    found = read_package_url(
        package_url(name, "1:2-3", manager, os=os, arch="X86_64" if os else None) or ""
    )

    assert found is not None
    assert found.type in KNOWN_TYPES
    assert found.qualifiers.keys() <= KNOWN_QUALIFIERS
