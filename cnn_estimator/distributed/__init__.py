"""Training on several devices or in several processes. A reader of training/ needs nothing of it."""
