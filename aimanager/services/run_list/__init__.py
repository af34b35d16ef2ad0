"""The list of runs: filter, order, pages, and the table of a project."""
