"""Where training runs: placement.py has what training/ asks, and the answers for one device; the other modules have
the answers for several devices or processes."""
