"""From a question to points: pages, histories, charts, and runs by the values of their metrics."""
