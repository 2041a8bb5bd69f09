"""Public datasets, read from the files of their publishers. A module here registers its own."""
