"""The Streamlit shell: caches, the shared choice and its link, widgets, figures, and the guard around faults."""
