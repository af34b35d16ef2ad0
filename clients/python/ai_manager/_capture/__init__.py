"""What is captured around a run besides what the script logs: code, environment, machine and output."""
