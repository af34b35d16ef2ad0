"""How fast it is, measured against real servers. `python -m benchmarks` runs them, `python -m benchmarks pixel` one."""
