"""docs/format.md, section by section: what is hashed, and what is written to files."""
