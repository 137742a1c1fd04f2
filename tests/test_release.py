"""The release: the wheel works in a fresh environment, and the source distribution is complete."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
VERSION = PROJECT["version"]


def run(*command: object, cwd: Path = ROOT) -> str:
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    ran = subprocess.run([str(part) for part in command], cwd=cwd, env=kept, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A directory with the wheel and the source distribution, made by the build backend that is installed."""
    place = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", place, ROOT)
    return place


@pytest.mark.slow
def test_the_wheel_works_in_a_fresh_environment(built, tmp_path):
    (wheel,) = built.glob("*.whl")
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=tmp_path)
    # The libraries are those of this environment, looked up after the fresh one: only the package itself is installed.
    (place,) = (tmp_path / "env" / "lib").glob("python*/site-packages")
    (place / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = run(python, "-c", "import qla_jax; print(qla_jax.__file__)", cwd=tmp_path).strip()
    assert Path(where).is_relative_to(tmp_path)
    assert run(tmp_path / "env" / "bin" / "qla-jax", "--version", cwd=tmp_path) == f"qla-jax {VERSION}\n"
    solved = "import qla_jax as q; print(float(q.block_encode([[3.0]]).alpha), q.claims.CLAIMS[0].name != '')"
    assert run(python, "-c", solved, cwd=tmp_path) == "3.0 True\n"


@pytest.mark.slow
def test_the_wheel_holds_the_package_with_its_data_and_nothing_else(built):
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"qla_jax", f"qla_jax-{VERSION}.dist-info"}
    tracked = run("git", "ls-files", "qla_jax").split() if (ROOT / ".git").exists() else ["qla_jax/py.typed"]
    assert set(tracked) <= set(names)


@pytest.mark.slow
def test_the_source_distribution_has_what_a_build_and_the_tests_need(built):
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    expected = (
        "README.md CHANGELOG.md LICENSE CITATION.cff CONTRIBUTING.md Makefile constraints.txt mkdocs.yml pyproject.toml"
    )
    assert {*expected.split(), "tests/conftest.py", "tools/pages.py", "docs/index.md", "qla_jax/py.typed"} <= names
    assert not [name for name in names if re.search(r"(^|/)(\.cache|__pycache__|runs|site|\.venv)(/|$)", name)]


def test_versions_agree():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    newest = re.search(r"^## (\S+), (\d{4}-\d{2}-\d{2})$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert (str(citation["version"]), str(citation["date-released"])) == (VERSION, newest[2])
    assert newest[1] == VERSION
    assert f"version = {{{VERSION}}}" in (ROOT / "README.md").read_text()


def test_the_citation_names_what_the_format_requires():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors", "type"} <= set(citation)
    assert citation["authors"] == [{"name": "The qla_jax authors"}]
    for paper in citation["references"]:
        assert {"type", "title", "authors", "year", "url"} <= set(paper)
        assert all(set(author) == {"family-names", "given-names"} for author in paper["authors"])


def test_notebooks_are_stored_without_outputs():
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
        assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells), path.name


def test_the_project_has_no_address_that_leads_nowhere():
    assert "urls" not in PROJECT
    for path in (ROOT / "README.md", ROOT / "CITATION.cff", ROOT / "mkdocs.yml", ROOT / "CONTRIBUTING.md"):
        assert not re.search(r"example\.(com|org)|github\.com/(your|user|owner|org)\b|TODO", path.read_text()), (
            path.name
        )
