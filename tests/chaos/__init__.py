"""The real program under faults: see docs/chaos.md, which `make chaos` writes."""
