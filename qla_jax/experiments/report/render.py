"""Rendering of any report as a self-contained HTML page, as JSON and as pictures, without network access.

The renderer does not depend on the study: tables, figures and formulas are data.
"""

import base64
import html
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2
from latex2mathml import converter
from markupsafe import Markup

from qla_jax._files import write as write_file
from qla_jax.experiments.core.figures import Figure
from qla_jax.experiments.core.results import finite, to_json
from qla_jax.experiments.core.study import Report
from qla_jax.experiments.core.tables import Column
from qla_jax.experiments.report.draw import draw, picture

TEMPLATE = Path(__file__).with_name("page.html.jinja")
QUICK = (
    "Quick form: small sizes and few repetitions, which show that the study runs. Its numbers support no conclusions."
)
NAMESPACE = 'xmlns="http://www.w3.org/1998/Math/MathML"'
"""Namespace of a formula, which XML needs and HTML does not."""


def write(report: Report, directory: Path, about: Mapping[str, str] | None = None) -> None:
    """Write the JSON file, the page, and a PNG for each figure that is a file of its own into a directory.

    Args:
        report: a study that was run.
        directory: directory of the files, made if it is not there.
        about: where the numbers come from, by label: command, date, versions.
    """
    directory.mkdir(parents=True, exist_ok=True)
    drawn = {name: draw(plot) for name, plot in plots(report)}
    write_file(directory / f"{report.stem}.json", as_json(report.plain()) + "\n")
    for name, plot in plots(report):
        if plot.filed:
            write_file(directory / f"{name}.png", picture(drawn[name], "png"))
    vectors = {name: picture(figure, "svg") for name, figure in drawn.items()}
    write_file(directory / f"{report.stem}.html", page(report, vectors, about))


def plots(report: Report) -> Iterator[tuple[str, Figure]]:
    """Return each figure with the name of its file: that of the report or of its section, and its own.

    Args:
        report: a study that was run.
    """
    yield from ((f"{report.stem}-{plot.name}", plot) for plot in report.findings.plots)
    for section in report.findings.sections:
        yield from ((f"{section.name}-{plot.name}", plot) for plot in section.plots)


def page(report: Report, pictures: Mapping[str, bytes], about: Mapping[str, str] | None = None) -> str:
    """Return the page as text.

    Args:
        report: a study that was run.
        pictures: vector graphics by the names that `plots` gives.
        about: where the numbers come from, by label.
    """
    loaded = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    loaded.filters |= {"sentence": sentence, "formula": formula, "explained": explained}
    content = {name: base64.b64encode(picture).decode() for name, picture in pictures.items()}
    quoted = as_json({"settings": report.study.settings, "numbers": report.findings.numbers})
    template = loaded.from_string(TEMPLATE.read_text())
    told = {"pictures": content, "quoted": quoted, "about": about or {}, "quick": QUICK}
    return template.render(report=report, findings=report.findings, **told)


def as_json(value: Any) -> str:
    """Return results as JSON text, with null for numbers that are not finite."""
    return json.dumps(finite(to_json(value)), indent=1, allow_nan=False)


def sentence(text: str) -> str:
    """Return a text with a full stop at its end, if it has none."""
    return text if text.endswith((".", "!", "?", ":", "...")) else f"{text}."


def explained(columns: Iterable[Column]) -> dict[str, str]:
    """Return the meanings of columns by name, those of columns of one name together.

    Args:
        columns: columns of a table.
    """
    found: dict[str, str] = {}
    for column in columns:
        name = column.name or "first column"
        found[name] = f"{found[name]}; {column.meaning}" if name in found else column.meaning
    return found


def formula(text: str) -> Markup:
    """Return a formula as MathML with its LaTeX in the title, or as code where it cannot be converted."""
    code = html.escape(text)
    try:
        found = converter.convert(text)
    except Exception:  # a parser of formulas may raise any error
        found = "\\"
    if "\\" in found:  # an unknown command remains in the output as it was
        return Markup(f"<code>{code}</code>")
    return Markup(found.replace(NAMESPACE, f'title="{code}"', 1))
