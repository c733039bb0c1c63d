"""Classical registration, no learning: the pose before the network, B-splines after it."""
