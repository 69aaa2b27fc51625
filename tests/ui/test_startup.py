"""What the start imports, and what it leaves for later."""

import subprocess
import sys

START = """
import sys
from pathlib import Path
import app
from ui.cli import parse

options = parse(["--data-dir", sys.argv[1]], default_dir=Path(sys.argv[1]), environment={})
app.quick_gradio.install()
app.quick_gradio.install()
from ui.page import build_page, head, theme
from ui.server import create_server
import gradio.component_meta
import pipelines.engine.engine

context, loading = app.build_context(options)
create_server(context, build_page(context), options, look={"head": head(), "theme": theme()})
heavy = ("torch", "torchvision", "diffusers", "transformers", "accelerate", "cv2", "scipy")
print([name for name in heavy if name in sys.modules])
print(gradio.component_meta.create_or_modify_pyi.__module__)
print(sum(type(finder).__module__ == "ui.quick_gradio" for finder in sys.meta_path))
"""


def test_the_page_is_up_before_anything_heavy_is_imported(tmp_path):
    """One process for the three answers, since each start takes seconds."""
    done = subprocess.run(
        [sys.executable, "-c", START, str(tmp_path)], capture_output=True, text=True, check=True
    )
    heavy, stubs_by, finders = done.stdout.splitlines()
    assert heavy == "[]"
    assert stubs_by == "ui.quick_gradio", "gradio would look through its type stubs again"
    assert finders == "1"
