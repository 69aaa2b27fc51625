"""Handlers of the Settings tab."""

from pipelines.errors import UserError
from ui.context import Context
from ui.messages import error_html, plain_html
from ui.values import Raw


class SettingsEvents:
    """Applying what the tab's fields say."""

    def __init__(self, context: Context) -> None:
        self._store = context.settings

    def apply(self, **values: Raw) -> str:
        """Store what differs; a bad value is named, and then nothing changes."""
        current = self._store.current
        changed = {key: value for key, value in values.items() if value != getattr(current, key)}
        if not changed:
            return plain_html("Nothing to change.")
        try:
            self._store.change(changed)
        except UserError as error:
            return error_html(str(error))
        return plain_html(
            f"{len(changed)} {'setting' if len(changed) == 1 else 'settings'} changed."
        )
