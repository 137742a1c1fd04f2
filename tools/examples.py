"""An extension of griffe: docstrings as the site can show them.

The docstrings' `Example:` is the section that griffe calls `Examples:`. A displayed formula inside a paragraph becomes
a paragraph of its own, because Markdown draws it only there.
"""

import re
from typing import Any

from griffe import Extension, Object


class Examples(Extension):
    """Rename the section, so that its lines are shown as code, and set displayed formulas apart from the text."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Change one docstring."""
        if obj.docstring:
            text = re.sub(r"(?m)^Example:$", "Examples:", obj.docstring.value)
            obj.docstring.value = re.sub(r"(?ms)^(\$\$.*?\$\$)$", r"\n\1\n", text)
