"""The kill campaign: adapters that are killed anywhere, with sources, brokers and nodes that fail, and what is left."""
