"""A hook of MkDocs: the pages that are made from source, links between them, and formulas.

* `api/ROOM.md` lists and documents the public names of a room, from docstrings and annotations.
* `notebooks/NAME.md` is a notebook, with outputs where `tools.notebooks` or the tests have executed it.
* CHANGELOG.md, CONTRIBUTING.md and two READMEs are pages, too.
* A link to a file of the repository goes to its page, or becomes plain text where it has none.
* Formulas become MathML, which browsers draw without a script.
"""

import base64
import html
import posixpath
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # a hook is loaded by its path

from tools.cells import cell  # noqa: E402
from tools.notebooks import NOTEBOOKS, current  # noqa: E402
from tools.vocabulary import MODULES, PACKAGE, ROOMS, first_sentence, public_names  # noqa: E402

COPIED = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "benchmarks/README.md": "benchmarks.md",
    "tests/README.md": "tests.md",
}
PAGES = {
    **COPIED,
    "README.md": "index.md",
    **{f"notebooks/{path.name}": f"notebooks/{path.stem}.md" for path in NOTEBOOKS},
}
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>([,.;:)]?)', re.S)
# The converter leaves to the browser what only the formula says: bars are no relations, and a sign is no difference.
SPACING = (
    (r'<mo[^>]*>(&#x0007C;|&#x02016;)</mo>', r'<mo stretchy="false" lspace="0" rspace="0">\1</mo>'),
    (r"(<math[^>]*><mrow>|<m\w+>|<mo[^>]*>(?:[\[(=]|&#x000(?:28|2C|3D|3C|7C);|&#x02264;|,)</mo>)<mo>&#x02212;</mo>",
     r'\1<mo form="prefix" rspace="0">&#x02212;</mo>'),
    ("<mo>&#x0002F;</mo>", '<mo lspace="0" rspace="0">&#x0002F;</mo>'),
    # A prime is a raised sign already: as an exponent it would float above its letter.
    (r"<msup>(<m[in]>[^<]*</m[in]>)<m[io]>&#x02032;</m[io]></msup>", r"<mrow>\1<mo>&#x02032;</mo></mrow>"),
    (r"<msubsup>(<mi>[^<]*</mi>)(<m[in]>[^<]*</m[in]>)<m[io]>&#x02032;</m[io]></msubsup>",
     r"<msub><mrow>\1<mo>&#x02032;</mo></mrow>\2</msub>"),
    (r"<m[io]>&#x02032;</m[io]>", '<mo lspace="0" rspace="0">&#x02032;</mo>'),
)  # fmt: skip
NOT_EXECUTED = "*This page shows the notebook without outputs: `make docs` executes it.*"
INHERITING = {"BlockEncoding", "VectorEncoding", "MeasuredNetwork"}


def on_config(config: Any) -> Any:
    """Fill in the parts of the navigation whose pages are made here, and leave out the page 404.

    The page 404 would load its style from the root of a server, where a site in a folder or on a disk has none.
    """
    config.theme.static_templates.discard("404.html")
    made = {
        "Notebooks": [f"notebooks/{path.stem}.md" for path in NOTEBOOKS],
        "API": ["api/index.md", *(f"api/{room}.md" for room in ROOMS), "api/modules.md", "reference/json.md"],
    }
    for section in config.nav:
        for title in section:
            section[title] = made.get(title) or section[title]
    config.nav.append({"Project": ["changelog.md", "contributing.md", "tests.md", "benchmarks.md"]})
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made from source."""

    def add(place: str, content: str | bytes) -> None:
        files.append(File.generated(config, place, content=content))

    for source, place in COPIED.items():
        add(place, (ROOT / source).read_text(encoding="utf-8"))
    for place, text in api_pages().items():
        add(place, text)
    for path in NOTEBOOKS:
        for place, content in notebook_files(path).items():
            add(place, content)
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Direct links to files of the repository to their pages."""
    place = page.file.src_uri
    sources = {made: source for source, made in PAGES.items() if made != "index.md"}
    here = posixpath.dirname(sources.get(place, f"docs/{place}"))

    def directed(link: re.Match) -> str:
        text, target = link.groups()
        if re.match(r"\w+:|#", target):
            return link[0]
        wanted, _, anchor = target.partition("#")
        source = posixpath.normpath(posixpath.join(here, wanted))
        made = PAGES.get(source, source.removeprefix("docs/"))
        if files.get_file_from_path(made):
            return (
                f"[{text}]({posixpath.relpath(made, posixpath.dirname(place) or '.')}{'#' + anchor if anchor else ''})"
            )
        return text if (ROOT / source).exists() else link[0]

    parts = re.split(r"(^```.*?^```|`[^`\n]*`)", markdown, flags=re.S | re.M)
    return "".join(part if n % 2 else LINK.sub(directed, part) for n, part in enumerate(parts))


def on_page_content(html_text: str, page: Any, config: Any, files: Files) -> str:
    """Turn formulas into MathML."""
    return FORMULA.sub(mathml, html_text)


def mathml(found: re.Match) -> str:
    """Return a formula as MathML, with the mark after it; a formula that cannot be read is an error of the build."""
    tag, opening, formula, mark = found.groups()
    drawn = convert(html.unescape(formula).strip(), display="block" if opening == "[" else "inline")
    for pattern, better in SPACING:
        drawn = re.sub(pattern, better, drawn)
    whole = f'<{tag} class="arithmatex">{drawn}</{tag}>{mark}'
    return f'<span class="unbroken">{whole}</span>' if mark and tag == "span" else whole


def api_pages() -> dict[str, str]:
    """Return the pages of the reference by their places."""
    names = public_names()
    index = ["# API reference", "", "Every public name, by room. `qla` stands for `qla_jax`.", ""]
    pages = {}
    for room, title in ROOMS.items():
        here = [name for name in names if name.room == room]
        listed = [f"| [`{name.shown}`](#{name.path}) | {cell(first_sentence(name.path))} |" for name in here]
        whole = "\n".join(documented(name.path) for name in here)
        about = first_sentence(f"{PACKAGE}.{room}")
        pages[f"api/{room}.md"] = (
            f"# {title}\n\n{about}\n\n| name | description |\n|---|---|\n" + "\n".join(listed) + f"\n\n{whole}"
        )
        index += ["", f"## [{title}]({room}.md)", ""]
        index += [", ".join(f"[`{name.shown.removeprefix('qla.')}`]({room}.md#{name.path})" for name in here)]
    pages["api/modules.md"] = "# Other modules\n\nThese modules are imported by their paths.\n\n" + "\n".join(
        f"::: {PACKAGE}.{module}\n    options:\n      show_root_full_path: true\n" for module in MODULES
    )
    index += ["", "## [Other modules](modules.md)", ""]
    index += [", ".join(f"[`{PACKAGE}.{module}`](modules.md#{PACKAGE}.{module})" for module in MODULES)]
    return {"api/index.md": "\n".join(index) + "\n", **pages}


def documented(path: str) -> str:
    """Return the directive that documents a name."""
    inherits = path.rpartition(".")[2] in INHERITING
    return f"::: {path}\n    options:\n      inherited_members: {str(inherits).lower()}\n"


def notebook_files(path: Path) -> dict[str, str | bytes]:
    """Return the page of a notebook and the images on it by their places."""
    import nbformat

    executed = current(path)
    notebook = executed or nbformat.read(path, as_version=4)
    parts, images = [], {}
    for number, one in enumerate(notebook.cells):
        if one.cell_type == "markdown":
            parts.append(one.source)
            continue
        parts.append(f"```python\n{one.source.rstrip()}\n```")
        for place, (kind, content) in enumerate(outputs(one)):
            if kind == "image":
                name = f"{path.stem}-{number}-{place}.png"
                images[f"notebooks/{name}"] = content
                parts.append(f"![figure of the code above]({name})")
            else:
                parts.append(f'<div class="output" markdown="1">\n\n```text\n{content.rstrip()}\n```\n\n</div>')
    if executed is None:
        parts.insert(1, NOT_EXECUTED)
    return {f"notebooks/{path.stem}.md": "\n\n".join(parts) + "\n", **images}


def outputs(code: Any) -> Iterator[tuple[str, Any]]:
    """Yield kind and content of what a cell printed, returned and drew; warnings of libraries are left out."""
    for one in code.get("outputs", []):
        if one.output_type == "stream" and one.name == "stdout":
            yield "text", one.text
        elif one.output_type in ("execute_result", "display_data"):
            if "image/png" in one.data:
                yield "image", base64.b64decode(one.data["image/png"])
            elif "text/plain" in one.data and not one.data["text/plain"].startswith("<Figure"):
                yield "text", one.data["text/plain"]
