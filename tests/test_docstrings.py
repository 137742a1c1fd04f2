"""Grammar of docstrings that a program can hold: sections list names, and lines that go on are indented."""

import ast
import re
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "qla_jax"
FILES = sorted(file.relative_to(PACKAGE).as_posix() for file in PACKAGE.rglob("*.py"))
SECTION = re.compile(r"(Args|Raises|Attributes|Returns|Example|Examples|References):")
ENTRY = {"Args": r"[*\w, ]+: ", "Raises": r"[A-Z]\w+: ", "Attributes": r"[\w, ]+: "}


def faults(docstring: str) -> list[str]:
    """Lines of Args, Raises and Attributes that neither name something nor go on with it."""
    found, section = [], None
    for line in docstring.splitlines():
        if match := SECTION.fullmatch(line):
            section = match[1]
        elif line and not line.startswith(" "):
            section = None
        elif section in ENTRY and line.strip():
            indent = len(line) - len(line.lstrip())
            entry = indent == 4 and re.match(ENTRY[section], line.strip())
            if not entry and (indent < 8 and (section != "Attributes" or indent != 4)):
                found.append(line)
    return found


def faults_of(name) -> list[str]:
    tree = ast.parse((PACKAGE / name).read_text())
    nodes = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.Module))
    return [f"{name}: {line}" for node in nodes for line in faults(ast.get_docstring(node) or "")]


def test_sections_of_docstrings_name_what_they_list():
    assert [line for name in FILES for line in faults_of(name)] == []


def test_a_broken_section_is_found():
    broken = "Do.\n\nRaises:\n    ValueError: a long\n    story.\n"
    assert faults(broken) == ["    story."]
    assert faults(broken.replace("    story", "        story")) == []
