"""Wrong runs of exact programs before a fault court: challenged, and answered (docs/faults.md)."""
