"""The demo: a made-up community whose days are drawn from a seed, and a picture of one of its days."""
