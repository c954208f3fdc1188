"""The chain seen from Python: embedded, local node or any EVM node by URL, with one API over all three.

Import the modules, not this package: `community` and `node` are light (no web3), `client` and `embedded` are not.
"""

import os
from importlib.util import find_spec

if find_spec("sha3") is not None:
    # The C keccak, ten times faster; eth_hash looks here at its first hash.
    os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
