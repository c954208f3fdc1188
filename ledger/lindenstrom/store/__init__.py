"""The operator's own memory: names, keys of salts, packs, postings. Nothing here is needed to check a posting."""
