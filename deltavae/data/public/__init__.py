"""Public data sets, read from the files that their publishers distribute."""
