"""The list of runs: what is typed to filter it (filters), its order and cursors (order), the runs that pass (conditions),
pages of them (pages), their states (states), and the table of a project (table)."""
