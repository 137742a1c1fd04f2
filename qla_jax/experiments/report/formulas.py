r"""Formulas of claims as pictures, set by matplotlib, which knows less LaTeX than LaTeX.

Example:
    >>> plain(r"\tfrac12\sqrt n \le \textstyle\sum_i\text{ of all }a_i")
    '\\frac{1}{2}\\sqrt{n} \\leq \\sum_i\\mathrm{\\ of\\ all\\ }a_i'
"""

import base64
import html
import io
import re

from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser

GLYPHS = {
    r"\le": r"\leq",
    r"\ge": r"\geq",
    r"\textstyle": "",
    r"\big": "",
    r"\Big": "",
    r"\dots": r"\ldots",
}
"""Commands that matplotlib lacks, and what it has for them."""
SIZE, FONT, MARGIN = 11, 10, 8
"""Size of the letters, size that matplotlib measures at, and space around a formula, in points."""
DPI, SCREEN = 192, 96
"""Pixels per inch of a picture, and of a screen."""


def picture(formula: str) -> str:
    """Return a formula as an image of HTML with its LaTeX as text, or as code where it cannot be set."""
    code = html.escape(formula)
    try:
        content, height = _png(plain(formula))
    except ValueError:
        return f"<code>{code}</code>"
    source = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    return f'<img class="formula" alt="{code}" height="{height}" src="{source}">'


def plain(formula: str) -> str:
    """Return a formula in the commands that matplotlib knows, their arguments in braces."""
    for command in ("tfrac", "frac"):  # \tfrac12 and \tfrac{1}2
        formula = re.sub(rf"\\{command}\s*({_ARGUMENT})\s*({_ARGUMENT})", _fraction, formula)
    formula = re.sub(r"\\text\{([^{}]*)\}", _words, formula)
    formula = re.sub(r"\\sqrt\s*(\\[a-zA-Z]+|[^{\[\s])", r"\\sqrt{\1}", formula)
    return re.sub(r"\\[a-zA-Z]+\s?", _known, formula)


_ARGUMENT = r"\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}|\\[a-zA-Z]+|[^{}\s\\]"


def _fraction(found: re.Match) -> str:
    above, below = (part if part.startswith("{") else f"{{{part}}}" for part in found.groups())
    return rf"\frac{above}{below}"


def _words(found: re.Match) -> str:
    """Return words as such, with the spaces between them, which a formula has none of."""
    return r"\mathrm{" + found[1].replace(" ", r"\ ") + "}"


def _known(found: re.Match) -> str:
    """Return a command with its space, or what stands for it."""
    word = found.group().rstrip()
    return GLYPHS[word] + found.group()[len(word) :] if word in GLYPHS else found.group()


def _png(text: str) -> tuple[bytes, int]:
    """Return the picture and its height on a screen in pixels."""
    width, height, *_ = MathTextParser("path").parse(f"${text}$", dpi=72)
    width, height = width * SIZE / FONT + MARGIN, height * SIZE / FONT + MARGIN
    figure = Figure(figsize=(width / 72, height / 72))
    figure.text(0.5, 0.5, f"${text}$", fontsize=SIZE, ha="center", va="center")
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DPI)
    return content.getvalue(), round(height * SCREEN / 72)
