"""Who may import whom, and how long things may get. What a start imports: `tests/ui/test_startup`.

The sampler tables are `pipelines.samplers`, beside the diffusers code rather than in it, since the
page and the infotext read them without torch.
"""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("app.py", "benchmarks", "extensions", "pipelines", "tools", "ui")
MAX_MODULE_LINES, MAX_FUNCTION_LINES = 400, 60

NETWORKS = ("torch", "torchvision", "diffusers", "transformers", "accelerate")
FRONT_DOORS = ("ui", "gradio", "fastapi", "starlette", "app")
RUN, ENGINE = "pipelines.diffusion", "pipelines.engine"
FORBIDDEN: tuple[tuple[str, tuple[str, ...]], ...] = (
    # What is within the first may import nothing within the second; the first row that fits counts.
    (RUN, (ENGINE, "extensions", *FRONT_DOORS)),
    (ENGINE, (RUN, "extensions", *NETWORKS, *FRONT_DOORS)),
    ("pipelines", (RUN, ENGINE, "extensions", *NETWORKS, *FRONT_DOORS)),
    ("extensions", (RUN, ENGINE, *NETWORKS, *FRONT_DOORS)),
    ("ui", (RUN, "extensions", "app", *NETWORKS)),
)

MODULES = sorted(
    path
    for source in SOURCES
    for path in ([ROOT / source] if source.endswith(".py") else (ROOT / source).rglob("*.py"))
    if path.exists()
)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(tree: ast.AST, *, anywhere: bool) -> list[str]:
    """Names of imported modules, "a.b.c" for `from a.b import c`; at the top or `anywhere`.

    What is imported inside a function, or for type checkers only, is not loaded with the module.
    """
    found: list[str] = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{name.name}" for name in node.names]
        elif anywhere or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if not anywhere and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
                continue
            found += imports(node, anywhere=anywhere)
    return found


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_a_module_imports_only_what_its_layer_may(path: Path):
    name = module_name(path)
    forbidden = next((rule for prefix, rule in FORBIDDEN if is_within(name, prefix)), ())
    # Heavy libraries may be imported inside an extension's functions; other layers never cross.
    lazily = ("extensions",) if is_within(name, "extensions") else ()
    crossing = [
        imported
        for imported in imports(parse(path), anywhere=not lazily)
        if any(is_within(imported, package) for package in forbidden)
    ]
    assert crossing == [], f"{name} may not import {', '.join(crossing)}"


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_are_absolute(path: Path):
    relative = [
        node.lineno
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == [], f"relative imports in lines {relative}"


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_modules_and_functions_stay_short(path: Path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_MODULE_LINES, f"{lines} lines; {MAX_MODULE_LINES} are allowed"
    long = {
        node.name: length
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > MAX_FUNCTION_LINES
    }
    assert long == {}, f"functions over {MAX_FUNCTION_LINES} lines: {long}"


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_a_module_opens_with_what_it_holds(path: Path):
    assert (ast.get_docstring(parse(path)) or "").strip(), "no docstring"


def test_models_hold_no_code():
    assert list((ROOT / "models").rglob("*.py")) == []


def test_the_rules_would_notice_a_crossing():
    tree = ast.parse("def f():\n    from torch import nn\nimport ui.page as page")
    assert imports(tree, anywhere=True) == ["torch.nn", "ui.page"]
    assert imports(tree, anywhere=False) == ["ui.page"]
