"""Counterfoil: receipts for inference, settled on any EVM chain."""
