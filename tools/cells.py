"""Cells of Markdown tables: a bar of the text does not end the cell."""

import re

# Code and formulas are kept apart from text: what stands between backticks or dollars has bars of its own kind.
PART = re.compile(r"(`[^`]*`|(?<!\\)\$[^$]*(?<!\\)\$)")
BAR = re.compile(r"(?<!\\)\|")
BAR_BEFORE_LETTER = re.compile(r"(?<!\\)\|(?=[A-Za-z])")


def cell(text: str) -> str:
    r"""Return a text as a cell of a table.

    A bar of the text is escaped. In a formula an escaped bar is the sign of a norm, so a single bar becomes `\lvert`,
    which looks the same. Bars in code end no cell.

    Example:
        >>> print(cell(r"max |x|, $|x| \le \|x\|$, `a | b`"))
        max \|x\|, $\lvert x\lvert \le \|x\|$, `a | b`
    """
    return "".join(map(_part, PART.split(text)))


def _part(part: str) -> str:
    if part.startswith("`"):
        return part
    if part.startswith("$"):  # no space before the last dollar, which would then close no formula
        return BAR.sub(r"\\lvert", BAR_BEFORE_LETTER.sub(r"\\lvert ", part))
    return BAR.sub(r"\\|", part)
