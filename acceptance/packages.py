"""
The Debian packages of the images: those of the first release of Debian 12.

Scanners report vulnerabilities that were fixed later. Both support Debian 12:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-basic.html
https://docs.aws.amazon.com/inspector/latest/user/supported.html
"""

from dataclasses import dataclass
from typing import Final

OS_RELEASE: Final = """\
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
"""


@dataclass(frozen=True, slots=True)
class DebianPackage:
    """An installed package. `source` is its source package."""

    name: str
    version: str
    source: str


FEW: Final = (
    DebianPackage("libc6", "2.36-9", "glibc"),
    DebianPackage("libcurl4", "7.88.1-10", "curl"),
    DebianPackage("libexpat1", "2.5.0-1", "expat"),
    DebianPackage("libgnutls30", "3.7.9-2", "gnutls28"),
    DebianPackage("libnghttp2-14", "1.52.0-1", "nghttp2"),
    DebianPackage("libssl3", "3.0.9-1", "openssl"),
    DebianPackage("openssl", "3.0.9-1", "openssl"),
)
"""A few dozen findings."""

_LINUX: Final = (
    "linux-compiler-gcc-12-x86",
    "linux-headers-6.1.0-9-amd64",
    "linux-headers-6.1.0-9-common",
    "linux-image-6.1.0-9-amd64-unsigned",
    "linux-kbuild-6.1",
    "linux-libc-dev",
    "linux-perf",
    "linux-source-6.1",
)
"""Each kernel release fixes hundreds of vulnerabilities."""

MANY: Final = (
    *FEW,
    *(DebianPackage(name, "6.1.27-1", "linux") for name in _LINUX),
    DebianPackage("apache2-bin", "2.4.57-2", "apache2"),
    DebianPackage("bind9-libs", "1:9.18.12-1", "bind9"),
    DebianPackage("chromium", "113.0.5672.126-1", "chromium"),
    DebianPackage("firefox-esr", "102.11.0esr-1", "firefox-esr"),
    DebianPackage("git", "1:2.39.2-1.1", "git"),
    DebianPackage("libavcodec59", "7:5.1.3-1", "ffmpeg"),
    DebianPackage("libgs10", "10.0.0~dfsg-11", "ghostscript"),
    DebianPackage("libkrb5-3", "1.20.1-2", "krb5"),
    DebianPackage("libmagickcore-6.q16-6", "8:6.9.11.60+dfsg-1.6", "imagemagick"),
    DebianPackage("libpython3.11-stdlib", "3.11.2-6", "python3.11"),
    DebianPackage("libtiff6", "4.5.0-5", "tiff"),
    DebianPackage("libwebkit2gtk-4.1-0", "2.40.2-1", "webkit2gtk"),
    DebianPackage("libwebp7", "1.2.4-0.2", "libwebp"),
    DebianPackage("libwireshark16", "4.0.6-1", "wireshark"),
    DebianPackage("nodejs", "18.13.0+dfsg1-1", "nodejs"),
    DebianPackage("openjdk-17-jre-headless", "17.0.6+10-1", "openjdk-17"),
    DebianPackage("openssh-client", "1:9.2p1-2", "openssh"),
    DebianPackage("qemu-utils", "1:7.2+dfsg-7", "qemu"),
    DebianPackage("redis-server", "5:7.0.11-1", "redis"),
    DebianPackage("samba-libs", "2:4.17.8+dfsg-2", "samba"),
    DebianPackage("thunderbird", "1:102.11.0-1", "thunderbird"),
    DebianPackage("vim", "2:9.0.1378-2", "vim"),
)
"""Thousands of findings."""
