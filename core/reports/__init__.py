"""Whole evaluations with provenance: what the pages and the command line show."""
