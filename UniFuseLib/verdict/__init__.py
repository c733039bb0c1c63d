"""How far a result can be trusted: evidence that the optimiser does not maximise, and a verdict."""
