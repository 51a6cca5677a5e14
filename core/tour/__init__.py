"""Views that show what the dashboard is about, chosen by rules among pictures and networks that ship."""
