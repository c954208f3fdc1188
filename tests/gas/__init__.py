"""What each unit of work costs, measured on a node with public networks' limits: `python3 dev.py gas`."""
