"""What it costs to serve many visitors and to score many pictures: measured figures, carried on by a simulation."""
