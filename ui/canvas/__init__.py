"""The canvas on which people sketch and paint masks: its script, its look, and Python's end."""
