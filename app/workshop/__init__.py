"""The room of the page Workshop: doors, the presenter's screen, the phones, and following the presenter."""
