"""
Hooks of MkDocs: links of a page out of docs/ lead to the repository, and diagrams are drawn.

The theme would fetch the script that draws diagrams from another host. `make site` has it here:
https://squidfunk.github.io/mkdocs-material/reference/diagrams/#customization
It would also ask the API of the forge for the stars and the last release of the repository.

On a forge `../schemas/alerts-1.0.0.json` is a file beside docs/. A site has only docs/.
https://www.mkdocs.org/user-guide/configuration/#hooks
"""

import re
import shutil
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import Any, Final

_FOLDER: Final = "docs"
_LINK: Final = re.compile(r"\]\((?P<path>\.\./[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")
_ROOT: Final = Path(__file__).parents[1]
DIAGRAMS: Final = _ROOT / ".build" / "diagrams" / "mermaid.min.js"
_SCRIPT: Final = "assets/javascripts/mermaid.min.js"
_ASKS_THE_FORGE: Final = ' data-md-component="source"'
"""The theme's script looks for this mark of a link, and asks the API about its address."""


def on_config(config: Any, script: Path = DIAGRAMS) -> None:
    """Have each page load the script that draws diagrams."""
    if script.exists():
        config.extra_javascript.append(_SCRIPT)


def on_post_build(config: Any, script: Path = DIAGRAMS) -> None:
    """Copy the script that draws diagrams into the site."""
    if script.exists():
        shutil.copyfile(script, Path(config.site_dir, _SCRIPT))


def on_post_page(output: str, **_: Any) -> str:
    """Return a page whose link to the repository is nothing but a link."""
    return output.replace(_ASKS_THE_FORGE, "")


def on_post_template(output: str, **_: Any) -> str:
    """Return a page that is made of no text, such as 404.html, likewise."""
    return on_post_page(output)


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """Return the text of a page for the site."""
    return to_repository(markdown, page.file.src_uri, config.repo_url)


def to_repository(markdown: str, page: str, repository: str) -> str:
    """Return a page of docs/ with its links to other folders as addresses of the repository."""
    folder = PurePosixPath(_FOLDER, page).parent

    def replacement(match: re.Match[str]) -> str:
        path = normpath(str(folder / match["path"]))
        if path.startswith(f"{_FOLDER}/"):
            return match[0]
        kind = "tree" if (_ROOT / path).is_dir() else "blob"
        return f"]({repository.rstrip('/')}/{kind}/main/{path}{match['anchor'] or ''})"

    return _LINK.sub(replacement, markdown)
