"""What users get: types, stubs, examples, no surprise at import."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import slicebank as sb

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


def run(*words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        words, capture_output=True, text=True, timeout=600, cwd=folder, env=environment
    )


def test_import_brings_in_nothing_else() -> None:
    text = (
        "import sys, slicebank;"
        "print([m for m in ('torch', 'pandas', 'pyarrow', 'polars', 'IPython') if m in sys.modules])"
    )
    assert run(sys.executable, "-c", text).stdout.strip() == "[]"


def test_every_public_name_is_documented() -> None:
    for name in sb.__all__:
        each = getattr(sb, name)
        assert each.__doc__, name
        if isinstance(each, type) and each.__module__.startswith("slicebank"):
            for member, value in vars(each).items():
                if not member.startswith("_") and callable(value):
                    same = [getattr(base, member, None) for base in each.__mro__]
                    assert any(getattr(one, "__doc__", None) for one in same), f"{name}.{member}"


def test_the_stub_is_the_module(tmp_path: Path) -> None:
    if importlib.util.find_spec("nanobind") is None:
        pytest.skip("SKIPPED: no nanobind to make the stub with")
    made = tmp_path / "_native.pyi"
    done = run(sys.executable, "-m", "nanobind.stubgen", "-q", "-m", "slicebank._native", "-o", str(made))
    assert done.returncode == 0, done.stderr
    kept = ROOT / "python" / "src" / "slicebank" / "_native.pyi"
    assert made.read_text() == kept.read_text(), f"{sys.executable} -m nanobind.stubgen makes another one"


def test_mypy_strict(tmp_path: Path) -> None:
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("SKIPPED: no mypy")
    # Away from the sources, so that it is the installed package that is looked at.
    mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file", str(ROOT / "pyproject.toml")]
    done = run(*mypy, "-p", "slicebank", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    scripts = sorted(str(each) for each in EXAMPLES.glob("*.py"))
    done = run(*mypy, *scripts, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("script", "words", "says"),
    [
        ("train_unet.py", ["--backend", "numpy", "--steps", "30"], "backend: numpy"),
        ("sam_prompts.py", [], "mean Dice"),
        ("medmnist_classification.py", [], "test images right"),
        ("cohort_to_dataframe.py", [], "PhantomCT"),
        ("five_fold_split.py", [], "audit: clean"),
    ],
)
def test_examples_run(script: str, words: list[str], says: str) -> None:
    done = run(sys.executable, str(EXAMPLES / script), *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert says in done.stdout


def test_every_example_has_a_page_that_quotes_it() -> None:
    shared = {"numpy_unet.py", "phantom_bank.py"}
    for script in sorted(EXAMPLES.glob("*.py")):
        if script.name in shared:
            continue
        page = (ROOT / "docs" / "examples" / f"{script.stem}.md").read_text()
        assert f"python examples/{script.name}" in page
        lines = {line.strip() for line in script.read_text().splitlines()}
        quoted = [line.strip() for block in page.split("```python\n")[1:] for line in block.split("```")[0].splitlines()]
        assert [line for line in quoted if line and line not in lines] == [], script.name
        assert any(quoted), script.name
