"""How much of a comparison of two recipes is the recipe, and how much the seed of a training."""
