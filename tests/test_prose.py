"""English as far as a program can check it: each sentence of a docstring stands alone, in a hover or on an API page.

The rules are those of CONTRIBUTING.md. Read from the source, room by room; documents and notebooks are held to the
words and the spelling. An offence is `file:line: rule: text`.
"""

import ast
import inspect
import io
import json
import re
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.test_signatures import functions

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "qla_jax"
ROOMS = sorted({file.relative_to(PACKAGE).parts[0].removesuffix(".py") for file in PACKAGE.rglob("*.py")})
CORE = ["linalg", "accounting", "circuits", "polynomials", "phases", "encodings", "transforms", "networks"]
PROSE = [
    *(file for file in ROOT.glob("*.md")),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "notebooks").glob("*.ipynb"),
    ROOT / "benchmarks" / "README.md",
    ROOT / "tests" / "README.md",
]

# First words that point at something the reader of one line alone has not seen, or that begin no sentence.
OPENINGS = """
    And Also As At Because Behind Beside Both But By For From Hence How If In Into It Its Of On Or Over Same So Such
    That Their Them These They This Those Thus To Under Up What Whatever When Where Whether Which Who Whose With Without
""".split()
FIRST_LINE = re.compile(rf"({'|'.join(OPENINGS)}|The same|The other|The rest)\b")
# Entries of Args and Attributes are noun phrases: the noun comes before its "of".
ENTRY_OPENINGS = (
    "of on in by for from that those its it their them this and as at behind beside what which with".split()
)
ENTRY = re.compile(rf"({'|'.join(ENTRY_OPENINGS)}|the same|see)\b")
# Sentences that begin so need the one before them, wherever they stand.
BARE = re.compile(r"(?:(?<=[.!?]) |^)(And|Or|But|That|Those|These|Its|Their|Nor)\b(?! (is|are) to say)[^.!?]*[.!?]")

WORDS = {
    r"behind": "after",
    r"beside": "next to, compared with",
    r"told": "given, reported",
    r"tells? of": "reports",
    r"amongst|whilst|towards?s\b": "among, while, toward",
    r"unasked": "without being asked",
    r"whoever": "a person, a caller",
    r"for ever": "forever",
    r"nought|aught": "zero",
    r"at hand": "known, available",
    r"of its own accord": "on its own",
    r"do without": "need no",
    r"[Hh]as a say": "decides",
}
BRITISH = re.compile(
    r"\b(?:\w*(?:normal|initial|optim|minim|maxim|factor|parametr|diagonal|discret|symmetr|regular|random|summar|general|recogn"
    r"|vector|quant|polar|depolar|linear|organ|orthogonal|special|util|emphas|penal|local|serial|token|categor|character)is"
    r"(?:e|es|ed|er|ing|ation|ations)\b|analys(?:e|ed|es|ing)\b|\w*(?:colou|behaviou|neighbou|favou|honou|labou)r|centre"
    r"|(?:model|label|travel|cancel|channel|signal)l(?:ed|ing)\b|grey\b|artefact|fulfil\b|learnt\b|ageing)",
    re.IGNORECASE,
)

UNITS = re.compile(
    r"(?i)absolute|relative|in units|times (its|the) (length|norm)|Euclidean|per |each (entry|value)|of unit|rad|norm"
)
LINES_PER_COMMENT = 40


def docstrings(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line, name and text of every docstring; attributes' strings among them."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            if text := ast.get_docstring(node):
                yield node.body[0].lineno, getattr(node, "name", "module"), text
            for statement in node.body[1:]:
                if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                    if isinstance(statement.value.value, str):
                        yield statement.lineno, "attribute", inspect.cleandoc(statement.value.value)


def entries(text: str) -> Iterator[str]:
    """What follows the names in Args and Attributes."""
    section = None
    for line in text.splitlines():
        if re.fullmatch(r"\w+:", line):
            section = line
        elif line and not line.startswith(" "):
            section = None
        elif section in ("Args:", "Attributes:") and (found := re.match(r"    [*\w, ]+: (.*)", line)):
            yield found[1]


def plain(text: str) -> str:
    """Without code, formulas, links and examples, on one line for each paragraph."""
    text = re.sub(r"```.*?```|<svg.*?</svg>|<style.*?</style>", "", text, flags=re.S)
    text = re.sub(r"\$\$.*?\$\$|\$[^$]*\$", "X", text, flags=re.S)
    text = re.sub(r"``.*?``|`[^`]*`|https?://\S+|\]\([^)]*\)", "x", text)
    lines = [line for line in text.splitlines() if not re.match(r"\s*(>>>|\.\.\. |\|)", line)]
    return re.sub(r"(?<!\n)\n(?!\n)", " ", "\n".join(lines))


def words_of(text: str) -> Iterator[tuple[str, str]]:
    clean = plain(text)
    for pattern, better in WORDS.items():
        for found in re.finditer(rf"\b(?:{pattern})\b", clean):
            yield f"say {better}", clean[max(found.start() - 30, 0) : found.end() + 30]
    for found in BRITISH.finditer(clean):
        yield "American spelling", found[0]


def sentences_of(text: str) -> Iterator[tuple[str, str]]:
    for paragraph in plain(text).split("\n\n"):
        for found in BARE.finditer(paragraph.strip()):
            yield "a sentence names its subject", found[0].strip()[:80]


def of_docstrings(path: Path) -> Iterator[tuple[int, str, str]]:
    for line, _, text in docstrings(path):
        first = text.splitlines()[0]
        if FIRST_LINE.match(first):
            yield line, "a first line stands alone", first
        for entry in entries(text):
            if ENTRY.match(entry):
                yield line, "an entry begins with its noun", entry
        for rule, excerpt in (*words_of(text), *sentences_of(text.partition("References:")[0])):
            yield line, rule, excerpt


def of_comments(path: Path) -> Iterator[tuple[int, str, str]]:
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        if token.type == tokenize.COMMENT:
            for rule, excerpt in words_of(token.string):
                yield token.start[0], rule, excerpt


def of_messages(path: Path) -> Iterator[tuple[int, str, str]]:
    """Strings in code: error messages, captions, statements of claims."""
    tree = ast.parse(path.read_text())
    known = {node.body[0].value for node in ast.walk(tree) if ast_has_docstring(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in known and " " in node.value:
            for rule, excerpt in words_of(node.value):
                yield node.lineno, rule, excerpt


def ast_has_docstring(node: ast.AST) -> bool:
    holds = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
    return (
        holds
        and bool(node.body)
        and isinstance(node.body[0], ast.Expr)
        and isinstance(node.body[0].value, ast.Constant)
    )


def offences(path: Path, *rules: Callable[[Path], Iterator[tuple[int, str, str]]]) -> list[str]:
    name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    return [f"{name}:{line}: {rule}: {text}" for find in rules for line, rule, text in find(path)]


def files_of(room: str) -> list[Path]:
    single = PACKAGE / f"{room}.py"
    return [single] if single.is_file() else sorted((PACKAGE / room).rglob("*.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_sentences_stand_alone(room):
    assert [text for file in files_of(room) for text in offences(file, of_docstrings, of_comments, of_messages)] == []


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documents_keep_to_the_words(path):
    text = path.read_text()
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    assert [f"{rule}: {excerpt}" for rule, excerpt in (*words_of(text), *sentences_of(text))] == []


def test_arguments_of_public_functions_are_described():
    """Two arguments or more are described one by one; those of commands are, where they are declared."""
    wrong = []
    for name, signature, value in functions():
        command = name.startswith("qla_jax.cli.") and "typer" in str(signature)
        if command or name.endswith((".__init__", ".__call__")) or not value.__doc__ or "." in value.__qualname__:
            continue
        have = [parameter for parameter in signature.parameters if parameter not in ("self", "cls")]
        if len(have) >= 2 and "\nArgs:" not in inspect.getdoc(value):
            wrong.append(name)
    assert wrong == []


def test_errors_are_given_in_units():
    wrong = []
    for name, _, value in functions():
        for found in re.finditer(r"^    (?:\w+_)?eps: ((?:.*\n)(?:        .*\n)*)", inspect.getdoc(value) or "", re.M):
            wrong += [] if UNITS.search(found[1]) else [f"{name}: {found[1].strip()}"]
    assert wrong == []


@pytest.mark.parametrize("room", CORE)
def test_comments_give_reasons_often_enough(room):
    """At least one comment in 40 lines of code, docstrings and empty lines left out."""
    comments = code = 0
    for file in files_of(room):
        source = file.read_text()
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
        comments += len({t.start[0] for t in tokens if t.type == tokenize.COMMENT and "noqa" not in t.string})
        inside = {line for node in ast.walk(ast.parse(source)) if ast_has_docstring(node)
                  for line in range(node.body[0].lineno, node.body[0].end_lineno + 1)}  # fmt: skip
        code += sum(bool(text.strip()) and n not in inside for n, text in enumerate(source.splitlines(), 1))
    assert comments * LINES_PER_COMMENT >= code, f"{comments} comments in {code} lines"


BAD = '''"""What stands here. And its bound."""


def f(x, y):
    """That of x, behind a colourful y.

    Args:
        x: of the axis.
        y: the same.
    """
    # normalise beside it
    raise ValueError("`x` was told twice.")
'''


def test_offences_are_found(tmp_path):
    path = tmp_path / "bad.py"
    path.write_text(BAD)
    assert [text.split(": ")[1] for text in offences(path, of_docstrings, of_comments, of_messages)] == [
        "a first line stands alone",
        "a sentence names its subject",
        "a first line stands alone",
        "an entry begins with its noun",
        "an entry begins with its noun",
        "say after",
        "American spelling",
        "a sentence names its subject",
        "say next to, compared with",
        "American spelling",
        "say given, reported",
    ]
