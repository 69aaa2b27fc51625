"""Programs for developers, which running Redraw does not need."""
