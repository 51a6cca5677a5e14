"""How the command line makes each report: one file a report."""
