"""Everything between a request and a picture; knows no user interface."""
