"""Sentences about the server itself that every page shows, such as a share link that failed."""

import threading


class Notices:
    """A list of sentences, oldest first; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sentences: tuple[str, ...] = ()

    def add(self, sentence: str) -> None:
        """Show `sentence` in every page from now on; once, however often it is added."""
        with self._lock:
            if sentence not in self._sentences:
                self._sentences = (*self._sentences, sentence)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is to be shown now."""
        return self._sentences
