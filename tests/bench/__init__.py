"""Speed, measured beside others in one run: `python -m bench`, or `make bench`."""
