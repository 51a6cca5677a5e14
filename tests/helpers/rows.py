"""Rows of reports, compared by what they say."""


def figures(rows):
    """Rows without the runs that measured them: the same figures may come from two runs."""
    return [{name: value for name, value in row.items() if name != "made"} for row in rows]
