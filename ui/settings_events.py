"""Handlers of the Settings tab."""

from collections.abc import Mapping

from pipelines.errors import UserError
from ui.context import Context
from ui.form_events import options_html
from ui.messages import error_html, plain_html
from ui.values import Raw


class SettingsEvents:
    """Applying what the tab's fields say."""

    def __init__(self, context: Context) -> None:
        self._store = context.settings

    def apply(self, **values: Raw) -> tuple[str, str]:
        """Store what differs; a message, and what the page's script follows from now on.

        A bad value is named, and then nothing changes.
        """
        message = self._change(values)
        return message, options_html(self._store.current)

    def _change(self, values: Mapping[str, Raw]) -> str:
        current = self._store.current
        changed = {key: value for key, value in values.items() if value != getattr(current, key)}
        if not changed:
            return plain_html("Nothing to change.")
        try:
            self._store.change(changed)
        except UserError as error:
            return error_html(str(error))
        noun = "setting" if len(changed) == 1 else "settings"
        return plain_html(f"{len(changed)} {noun} changed.")
