"""The form of all reports: file, provenance, resuming, the parts that are measured once."""
