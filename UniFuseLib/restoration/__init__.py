"""What the network leaves of a degradation, corrected from local statistics of the aligned pair."""
