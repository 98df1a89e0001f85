"""Keys in four spellings."""

from typing import Any

from lib.normalizer.casing import camel_case


def test_every_spelling_becomes_camel_case() -> None:
    """PascalCase, kebab-case and snake_case keys are the same keys."""
    found = camel_case(
        {"ImageScanFindings": {"detail-type": 1, "repository_name": 2, "Url": 3, "uri": 4}}
    )

    assert found == {
        "imageScanFindings": {"detailType": 1, "repositoryName": 2, "url": 3, "uri": 4}
    }


def test_data_and_odd_keys_stay() -> None:
    """Severities are data though they are keys, and no key is an error."""
    assert camel_case({"CRITICAL": 1, "": 2, "_": 3}) == {"CRITICAL": 1, "": 2, "_": 3}


def test_deep_documents_are_left_alone_below() -> None:
    """Nesting beyond all real documents is not followed."""
    document: Any = {"Key": 1}
    for _ in range(2000):
        document = [document]

    found = camel_case(document)

    assert isinstance(found, list)
