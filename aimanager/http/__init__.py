"""What surrounds a request: who asks, may they, how often, and what every response carries."""
