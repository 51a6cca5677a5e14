"""How networks are trained: one recipe a file."""
