"""The models of the AWS services, read once a process."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.loaders import Loader, create_loader


@pytest.fixture(scope="session", autouse=True)
def shared_models() -> Iterator[None]:
    """
    Let the sessions of botocore share what they read of its data files.

    A session of its own for each test is right, and reads 15 MB of JSON anew: half of the time of
    a command's test. The clients of one session share these documents in the same way.
    """
    read: defaultdict[str | None, dict[Any, Any]] = defaultdict(dict)

    def loader(search_path: str | None = None) -> Loader:
        made = create_loader(search_path)
        made._cache = read[search_path]  # noqa: SLF001  # Loader has no other way
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", loader)
        yield
