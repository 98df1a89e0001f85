"""Images built without a build tool: a registry and a scanner can read them."""

import gzip
import io
import json
import tarfile

from acceptance.images import INDEX, MANIFEST, build, digest_of, index_of
from acceptance.packages import FEW, MANY
from tests.acceptance.embedded import installed


def test_the_layer_names_every_package_with_its_version() -> None:
    """As dpkg writes it, beside the file that says it is Debian."""
    image = build(MANY, run="one")

    assert list(installed(image.layer)) == [(package.name, package.version) for package in MANY]


def test_the_manifest_describes_configuration_and_layer() -> None:
    """Digests and sizes are those of the blobs; the diff id is that of the layer unpacked."""
    image = build(FEW, run="one")
    manifest, config = json.loads(image.manifest), json.loads(image.config)

    assert manifest["mediaType"] == MANIFEST
    assert manifest["config"]["digest"] == digest_of(image.config)
    assert manifest["config"]["size"] == len(image.config)
    assert manifest["layers"][0]["digest"] == digest_of(image.layer)
    assert manifest["layers"][0]["size"] == len(image.layer)
    assert config["rootfs"]["diff_ids"] == [digest_of(gzip.decompress(image.layer))]


def test_the_same_run_gives_the_same_image_and_another_run_another_one() -> None:
    """Nothing depends on the time of the build; ECR scans the same image once a day."""
    assert build(FEW, run="one") == build(FEW, run="one")
    assert build(FEW, run="one").digest != build(FEW, run="two").digest


def test_files_of_the_layer_have_relative_names() -> None:
    """As in the layers that other tools write."""
    layer = gzip.decompress(build(FEW, run="one").layer)

    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        assert [name for name in archive.getnames() if name.startswith(("/", "."))] == []


def test_an_index_lists_its_images_by_platform() -> None:
    """Each with the digest by which the registry knows it."""
    images = [build(FEW, run="one", architecture=name) for name in ("amd64", "arm64")]

    index = json.loads(index_of(images))

    assert index["mediaType"] == INDEX
    assert {entry["platform"]["architecture"]: entry["digest"] for entry in index["manifests"]} == {
        image.architecture: image.digest for image in images
    }
