"""The registry of a story: its clients remember answers, and no story comes out otherwise."""

import inspect
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli.simulation.images import Place
from cli.simulation.player import Player
from cli.simulation.reading import read_story
from cli.simulation.registry import Registry
from cli.simulation.story import ImageName
from tests.support.builders import NOW
from tests.support.thorough import THOROUGH

HOME = Place("111122223333", "eu-central-1", "")
STORIES = sorted((Path(__file__).parents[2] / "stories").glob("*.yml"))
QUESTIONS = {"place", "image", "client_of"}
"""Public methods that change nothing."""


class Forgetful(dict[Any, Any]):
    """Answers that are always asked for again."""

    def __contains__(self, _: object) -> bool:
        return False


class ForgetfulRegistry(Registry):
    """A registry whose clients ask each time."""

    def __init__(self, account: str, region: str) -> None:
        super().__init__(account, region)
        self.answers = Forgetful()


@pytest.mark.untraced
@pytest.mark.parametrize("path", STORIES if THOROUGH else STORIES[::40], ids=lambda path: path.stem)
def test_a_story_is_the_same_without_remembered_answers(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages that a source has read before are read again as they were."""
    story = read_story(path)
    remembered = Player(story).play()
    monkeypatch.setattr("cli.simulation.player.Registry", ForgetfulRegistry)

    asked_again = Player(story).play()

    assert remembered == asked_again


def test_every_change_is_seen() -> None:
    """The same question has another answer after it."""
    registry = Registry(HOME.account, HOME.region)
    client = registry.client_of("ecr", HOME)

    def names() -> list[str]:
        pages = client.get_paginator("describe_repositories").paginate()
        return [entry["repositoryName"] for page in pages for entry in page["repositories"]]

    before = names()
    registry.push(ImageName("1.0", "api"), (), NOW)
    after = names()

    assert (before, after) == ([], ["api"])


def test_every_method_that_changes_the_registry_is_marked() -> None:
    """Or a client would answer with what was."""
    methods = {
        name: method
        for name, method in vars(Registry).items()
        if inspect.isfunction(method) and not name.startswith("_")
    }

    assert {name for name, method in methods.items() if not hasattr(method, "__wrapped__")} == (
        QUESTIONS
    )


def test_the_same_question_is_asked_once() -> None:
    """Of the registry itself, until it changes; by another account it is another question."""
    registry = Registry(HOME.account, HOME.region)
    for place in (HOME, HOME, Place("444455556666", HOME.region, "")):
        registry.client_of("ecr", place).describe_repositories()

    assert len(registry.answers) == 2


def test_a_refusal_is_an_error_of_boto3_each_time() -> None:
    """It is not remembered, and a call that no story answers is refused, too."""
    registry = Registry(HOME.account, HOME.region)
    client = registry.client_of("ecr", HOME)

    for _ in range(2):
        with pytest.raises(client.exceptions.RepositoryNotFoundException):
            client.describe_images(repositoryName="api")
    with pytest.raises(ClientError, match="does not answer this call"):
        client.describe_registry()

    assert registry.answers == {}
