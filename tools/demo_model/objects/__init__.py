"""The things that may stand in a landscape, each a function that draws one."""
