"""The service's HTTP side: health, readiness, metrics, and room for more routes."""
