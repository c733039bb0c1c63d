"""Classical registration, no learning: the affine and the B-spline refinement."""
