"""`counterfoil serve`: the Open Inference Protocol v2 over HTTP, with a receipt for each answer."""
