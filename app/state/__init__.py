"""What is chosen, kept and run, for all pages; nothing here is drawn."""
