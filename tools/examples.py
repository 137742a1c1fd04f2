"""An extension of griffe: the docstrings' `Example:` is the section that griffe calls `Examples:`."""

import re
from typing import Any

from griffe import Extension, Object


class Examples(Extension):
    """Rename the section in every docstring, so that its lines are shown as code."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rename the section of one docstring."""
        if obj.docstring:
            obj.docstring.value = re.sub(r"(?m)^Example:$", "Examples:", obj.docstring.value)
