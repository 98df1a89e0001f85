"""The site made of docs/: it builds without a warning, and its links lead out of docs/ as well."""

import os
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pytest

from deploy.site import on_config, on_page_markdown, on_post_build, to_repository
from tests.support import docs

MKDOCS = docs.ROOT / ".build" / "venvs" / "docs" / "bin" / "mkdocs"
REPOSITORY = "https://github.com/acme/alerts"


@pytest.mark.parametrize(
    ("page", "link", "expected"),
    [
        ("a.md", "../schemas/story-1.0.0.json", "/blob/main/schemas/story-1.0.0.json"),
        ("a.md", "../deploy/stages/README.md#keys", "/blob/main/deploy/stages/README.md#keys"),
        ("a.md", "../tests/stories", "/tree/main/tests/stories"),
        ("receivers/a.md", "../../SECURITY.md", "/blob/main/SECURITY.md"),
    ],
)
def test_a_link_out_of_docs_leads_to_the_repository(page: str, link: str, expected: str) -> None:
    """A folder is a tree there, a file a blob."""
    assert to_repository(f"See [it]({link}).", page, f"{REPOSITORY}/") == (
        f"See [it]({REPOSITORY}{expected})."
    )


@pytest.mark.parametrize("link", ["b.md", "../configure.md#routes", "https://example.com/../a"])
def test_other_links_stay(link: str) -> None:
    """Those that stay in docs/ are the site's own."""
    text = f"See [it]({link})."
    page = SimpleNamespace(file=SimpleNamespace(src_uri="receivers/a.md"))
    config = SimpleNamespace(repo_url=REPOSITORY)

    assert on_page_markdown(text, page=page, config=config, files=[]) == text


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a site that was built strictly."""
    if not MKDOCS.exists():
        pytest.skip("not set up by make")
    folder = tmp_path_factory.mktemp("site")
    answer = subprocess.run(
        [MKDOCS, "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=docs.ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={
            "PATH": os.environ["PATH"],
            "NO_MKDOCS_2_WARNING": "1",
            "REPOSITORY_URL": REPOSITORY,
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return folder


def test_every_page_is_in_the_site(site: Path) -> None:
    """A README is the page of its folder."""
    pages = {path.relative_to(docs.DOCS).with_suffix("") for path in docs.DOCS.rglob("*.md")}
    expected = {page.parent if page.name == "README" else page for page in pages}

    assert {page for page in expected if not (site / page / "index.html").exists()} == set()


def test_links_of_the_site_lead_somewhere(site: Path) -> None:
    """Pages, pictures and anchors."""
    texts = {path: path.read_text("utf-8") for path in site.rglob("index.html")}
    ids = {path: set(re.findall(r'\bid="?([^"\s>]+)', text)) for path, text in texts.items()}
    broken = []
    for path, text in texts.items():
        for link in re.findall(r'(?:href|src)="([^"]+)"', text):
            if re.match(r"[a-z]+:", link):
                continue
            name, _, anchor = unquote(link).partition("#")
            target = (path.parent / name).resolve()
            target = target / "index.html" if target.is_dir() else target
            if not target.exists() or (anchor and anchor not in ids.get(target, {anchor})):
                broken.append(f"{path.relative_to(site)}: {link}")

    assert broken == []


def test_a_reader_of_the_site_is_seen_by_nobody_else(site: Path) -> None:
    """No font, script or picture comes from another host."""
    for path in site.rglob("index.html"):
        text = path.read_text("utf-8")

        assert not re.search(r'(?:src|<link[^>]*href)="https?:', text), path


def test_the_forge_is_not_asked_about_the_repository(site: Path) -> None:
    """The theme's script asks its API where a link has a mark. The link itself stays."""
    scripts = "".join(path.read_text("utf-8") for path in site.rglob("bundle*.js"))
    pages = [path.read_text("utf-8") for path in site.rglob("*.html")]

    assert "api.github.com" in scripts
    assert re.search(r'\("source"\)', scripts), "the theme has another mark now"
    assert all(REPOSITORY in page for page in pages)
    assert not any(re.search(r'data-md-component="?source\b', page) for page in pages)


@pytest.mark.parametrize("page", [page for page in docs.PAGES if page.startswith("docs/")])
def test_what_is_inside_of_a_list_is_indented_by_four(page: str) -> None:
    """A forge needs two or three blanks, the site four."""
    text = re.sub(r"^```.*?^```$", "", docs.text_of(page), flags=re.DOTALL | re.MULTILINE)

    assert re.findall(r"^ {1,3}(?:- |\d+\. |```|\|).*", text, re.MULTILINE) == []


def test_lists_with_code_stay_one_list(site: Path) -> None:
    """Code between two steps does not begin the numbers again."""
    text = (site / "receivers" / "slack" / "index.html").read_text("utf-8")
    lists = re.findall(r"<ol>.*?</ol>", text, re.DOTALL)

    assert [item.count("<li>") for item in lists] == [4, 5]
    assert "```" not in text


def test_a_diagram_is_drawn(site: Path) -> None:
    """It is no block of code."""
    text = (site / "architecture" / "index.html").read_text("utf-8")

    assert '<pre class="mermaid">' in text


def test_diagrams_are_drawn_by_a_script_of_the_site(tmp_path: Path) -> None:
    """Each page loads it; nothing is fetched from elsewhere."""
    script = tmp_path / "mermaid.min.js"
    script.write_text("draw()")
    site = tmp_path / "site"
    (site / "assets" / "javascripts").mkdir(parents=True)
    config = SimpleNamespace(extra_javascript=[], site_dir=site)

    on_config(config, script=script)
    on_post_build(config, script=script)

    (path,) = config.extra_javascript
    assert (site / path).read_text() == "draw()"


def test_a_site_without_that_script_is_built(tmp_path: Path) -> None:
    """As in tests, which have no need to draw."""
    config = SimpleNamespace(extra_javascript=[], site_dir=tmp_path)

    on_config(config, script=tmp_path / "none.js")
    on_post_build(config, script=tmp_path / "none.js")

    assert config.extra_javascript == []
