"""The view of the page Latent that needs no generator: natural changes, their sliders, ribbons and search."""
