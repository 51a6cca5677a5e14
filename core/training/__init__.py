"""Training: recipes as frozen values, one loop, checkpoints that resume exactly."""
