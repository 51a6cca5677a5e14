"""Networks that others have published, by name: where they lie, their licences and what is said of their accuracy."""
