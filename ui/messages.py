"""What the page says, as HTML: everything that did not come from this program is escaped."""

import html

import gradio as gr

from ui.login import LOCAL_USER


def error_html(sentence: str) -> str:
    """A refusal, in red."""
    return f'<p class="error" role="alert">{html.escape(sentence)}</p>'


def plain_html(sentence: str) -> str:
    """A remark."""
    return f"<p>{html.escape(sentence)}</p>"


def note_html(sentence: str) -> str:
    """A remark that must not be missed, such as that a picture could not be saved."""
    return f'<p class="note" role="status">{html.escape(sentence)}</p>'


def infotext_html(infotext: str) -> str:
    """A1111's parameter text, each line on its own."""
    lines = html.escape(infotext).splitlines()
    return f"<p>{'<br>'.join(lines)}</p>" if lines else ""


def owner_of(request: gr.Request) -> str:
    """Who pressed: the login's name, or the one local user where there is no login."""
    return request.username or LOCAL_USER
