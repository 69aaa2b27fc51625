"""What the page says when a preprocessor's network is not there: what to fetch, and a button."""

import html

from pipelines.errors import MissingWeights
from ui.messages import error_html


def offer_html(error: MissingWeights) -> str:
    """The refusal, what would be downloaded on which terms, and the button that does it.

    `static/downloads.js` carries it out: nothing is fetched without that click.
    """
    weights = error.weights
    rows = (
        ("Files", ", ".join(weights.files)),
        ("From", f"huggingface.co/{weights.repository}"),
        ("Licence", weights.licence),
    )
    lines = "".join(f"<dt>{name}</dt><dd>{html.escape(value)}</dd>" for name, value in rows)
    name = html.escape(weights.name, quote=True)
    return (
        f"{error_html(str(error))}"
        f'<div class="download-offer" data-weights="{name}"><dl>{lines}</dl>'
        '<div class="download-line"><button type="button" class="download-start">Download</button>'
        '<progress class="download-progress" max="1" value="0" hidden></progress>'
        '<span class="download-text" role="status"></span>'
        '<button type="button" class="download-cancel" hidden>Cancel</button></div></div>'
    )
