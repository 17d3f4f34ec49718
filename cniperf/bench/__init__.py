"""What cniperf itself costs, as ratios measured in one run: ``cniperf bench``."""
