"""The Anomaly page."""
