"""Whether attacks draw the class that they aim at."""
