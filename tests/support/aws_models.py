"""The models of the AWS services, read once a process, and what every session works out again."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
import pytest
from botocore import hooks
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


@pytest.fixture(scope="session", autouse=True)
def shared_hooks() -> Iterator[None]:
    """
    Let the sessions of botocore share what they find out about its own 130 handlers.

    Each session looks at their signatures, and for other names of their events, for 4 ms.
    """
    names: dict[str, str] = {}
    begin = hooks.EventAliaser.__init__
    signature = hooks.accepts_kwargs
    known: dict[Any, Any] = {None: None}

    def begun(aliaser: Any, *arguments: Any) -> None:
        begin(aliaser, *arguments)
        aliaser._alias_name_cache = names  # noqa: SLF001  # it has no other way

    def accepts(handler: Callable[..., Any]) -> Any:
        # The handler itself may hold a session, which would live on.
        code = getattr(handler, "__code__", None)
        if code not in known:
            known[code] = signature(handler)
        return known[code] or signature(handler)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hooks.EventAliaser, "__init__", begun)
        patch.setattr(hooks, "accepts_kwargs", accepts)
        yield
