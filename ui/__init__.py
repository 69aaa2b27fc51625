"""Every way in: the page, its routes and the command line."""
