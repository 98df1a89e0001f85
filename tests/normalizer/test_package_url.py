"""Package URLs."""

from lib.normalizer.package_url import package_url
from tests.support.every import every


@every(
    ("name", "version", "manager", "os", "arch", "expected"),
    [
        (
            "libxml2",
            "2.9.14+dfsg-1.3~deb12u1",
            "OS",
            "DEBIAN_12",
            "AMD64",
            "pkg:deb/debian/libxml2@2.9.14%2Bdfsg-1.3~deb12u1?arch=amd64&distro=debian-12",
        ),
        (
            "openssl",
            "1:1.1.1k-7.el8",
            "OS",
            "REDHAT_8",
            "X86_64",
            "pkg:rpm/redhat/openssl@1.1.1k-7.el8?arch=x86_64&distro=redhat-8&epoch=1",
        ),
        (
            "musl",
            "1.2.4",
            "OS",
            "ALPINE_3_18",
            None,
            "pkg:apk/alpine/musl@1.2.4?distro=alpine-3.18",
        ),
        (
            "musl",
            "1.2.5-r9",
            "OS",
            "ALPINE_LINUX_3_22",
            None,
            "pkg:apk/alpine/musl@1.2.5-r9?distro=alpine-3.22",
        ),
        (
            "vim",
            "9",
            "OS",
            "OPENSUSE_LEAP_15_6",
            None,
            "pkg:rpm/opensuse/vim@9?distro=opensuse-15.6",
        ),
        ("vim", "9", "OS", "OPENSUSE_TUMBLEWEED", None, "pkg:rpm/opensuse/vim@9?distro=opensuse"),
        (
            "vim",
            "9",
            "OS",
            "SUSE_LINUX_ENTERPRISE_SERVER_15_6",
            None,
            "pkg:rpm/sles/vim@9?distro=sles-15.6",
        ),
        ("bash", None, "OS", "UBUNTU", None, "pkg:deb/ubuntu/bash?distro=ubuntu"),
        ("Flask_Login", "2.0.3", "PYTHONPKG", None, None, "pkg:pypi/flask-login@2.0.3"),
        ("@babel/core", "7.0.0", "NODE", None, None, "pkg:npm/%40babel/core@7.0.0"),
        (
            "golang.org/x/net",
            "v0.1.0",
            "GOBINARY",
            None,
            None,
            "pkg:golang/golang.org/x/net@v0.1.0",
        ),
        (
            "org.apache.logging.log4j:log4j-core",
            "2.14.1",
            "JAR",
            None,
            None,
            "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1",
        ),
        ("log4j-core", "2.14.1", "JAR", None, None, None),
        ("bash", "5", "OS", "PLAN9", None, None),
        ("bash", "5", "OS", None, None, None),
        ("bash", "5", "SOMETHING_NEW", None, None, None),
        ("bash", "5", None, "DEBIAN_12", None, None),
        ("", "5", "OS", "DEBIAN_12", None, None),
    ],
)
def test_package_url_is_right_or_absent(
    name: str,
    version: str | None,
    manager: str | None,
    os: str | None,
    arch: str | None,
    expected: str | None,
) -> None:
    """Each type has its own rules; where the type is not certain there is no URL."""
    assert package_url(name, version, manager, os=os, arch=arch) == expected
