"""The built site: no link is dead, every public name has its place, formulas and outputs are there.

`make check` runs this after the notebooks, whose outputs the site takes from `.cache/notebooks`.
"""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tools.notebooks import NOTEBOOKS, current
from tools.vocabulary import public_names

ROOT = Path(__file__).parents[1]
FEWEST_PAGES = 40
pytestmark = [pytest.mark.slow, pytest.mark.site]


class Links(HTMLParser):
    """Anchors of a page, what it points to, and what it would load from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.targets: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.anchors |= {value for key, value in attrs if key in ("id", "name") and value}
        if tag == "a" and found.get("href"):
            self.targets.append(found["href"])
        source = found.get("src") or (found.get("href") if tag == "link" else None)
        if source and found.get("rel") not in ("canonical", "prev", "next"):
            self.loaded.append(source)


@pytest.fixture
def site(tmp_path_factory) -> dict[Path, Links]:
    """Pages of the site by file; a warning of the build is an error."""
    place = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(place)]
    built = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr + built.stdout
    return {path: Links(path.read_text()) for path in sorted(place.rglob("*.html"))}


def of(site: dict[Path, Links], name: str) -> Path:
    return next(path for path in site if path.as_posix().endswith(name))


def dead(site: dict[Path, Links]) -> list[str]:
    """Links and sources that lead nowhere."""
    found = []
    for page, links in site.items():
        for target in [*links.targets, *links.loaded]:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            anchor = unquote(parts.fragment)
            there = file.is_file() and (not anchor or file not in site or anchor in site[file].anchors)
            found += [] if there else [f"{page.name}: {target}"]
    return found


def no_link_or_anchor_is_dead(site: dict[Path, Links]) -> None:
    assert len(site) >= FEWEST_PAGES
    assert dead(site) == []


def nothing_is_loaded_from_elsewhere(site: dict[Path, Links]) -> None:
    elsewhere = {(page.name, one) for page, links in site.items() for one in links.loaded if urlsplit(one).netloc}
    assert elsewhere == set()


def every_public_name_has_its_place(site: dict[Path, Links]) -> None:
    names = public_names()
    assert [name.shown for name in names if name.path not in site[of(site, f"api/{name.room}.html")].anchors] == []


def formulas_are_drawn(site: dict[Path, Links]) -> None:
    for page in site:
        text = page.read_text()
        assert 'class="arithmatex">\\' not in text, page.name
        prose = re.sub(r"<(pre|code|script|style)\b.*?</\1>", "", text, flags=re.S)
        assert "$" not in prose, f"{page.name}: {prose[max(prose.find('$') - 80, 0) :][:160]}"


def primes_stand_next_to_their_letters(site: dict[Path, Links]) -> None:
    pages = [page.read_text() for page in site]
    assert any("&#x02032;" in page for page in pages)
    assert [
        prime for page in pages for prime in re.findall(r"<msup><m[in]>[^<]*</m[in]><mo[^>]*>&#x02032;", page)
    ] == []


def no_page_needs_the_root_of_a_server(site: dict[Path, Links]) -> None:
    targets = [(page.name, one) for page, links in site.items() for one in (*links.targets, *links.loaded)]
    assert [(name, one) for name, one in targets if one.startswith("/")] == []


def executed_notebooks_show_their_outputs(site: dict[Path, Links]) -> None:
    for path in NOTEBOOKS:
        page = of(site, f"notebooks/{path.stem}.html").read_text()
        executed = current(path)
        assert ('class="output"' in page) == (executed is not None), path.stem


def the_search_knows_the_names(site: dict[Path, Links]) -> None:
    index = json.loads((of(site, "/results.html").parent / "search" / "search_index.json").read_text())
    assert any("block_encode_pauli" in entry["title"] for entry in index["docs"])


CHECKS = (
    no_link_or_anchor_is_dead,
    nothing_is_loaded_from_elsewhere,
    every_public_name_has_its_place,
    formulas_are_drawn,
    primes_stand_next_to_their_letters,
    no_page_needs_the_root_of_a_server,
    executed_notebooks_show_their_outputs,
    the_search_knows_the_names,
)


def test_the_site(site, subtests):
    """One test: each worker would build a site of its own."""
    for check in CHECKS:
        with subtests.test(check.__name__):
            check(site)


def test_a_dead_link_and_a_dead_anchor_are_found(tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<a id="here" href="#here"></a><a href="page.html#there"></a><a href="gone.html"></a>')
    assert dead({page.resolve(): Links(page.read_text())}) == ["page.html: page.html#there", "page.html: gone.html"]
