"""How a student and its teacher answer attacked photographs, at radii as small as its training's."""
