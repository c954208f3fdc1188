"""A household's account: a small EIP-1271 contract that two keys sign for together, compiled as the contracts are."""

import solcx

from lindenstrom.chain.abi import ContractAbi, ContractCall
from lindenstrom.chain.client import Chain
from lindenstrom.signing import address_of
from lindenstrom_contracts.compiler import VERSION, pinned_solc

SOURCE = (
    f"// SPDX-License-Identifier: Apache-2.0\npragma solidity {VERSION};\n"
    """
contract Household {
    address[2] public keys;

    function change(address[2] calldata newKeys) external {
        require(keys[0] == address(0) || msg.sender == keys[0], "not yours");
        keys = newKeys;
    }

    function isValidSignature(bytes32 hash, bytes calldata signatures) external view returns (bytes4) {
        require(keys[0] != address(0) && signatures.length == 130, "two signatures");
        for (uint256 i = 0; i < 2; i++) {
            bytes calldata one = signatures[65 * i:65 * i + 65];
            if (ecrecover(hash, uint8(one[64]), bytes32(one[:32]), bytes32(one[32:64])) != keys[i]) return 0xffffffff;
        }
        return 0x1626ba7e;
    }
}
"""
)


def compiled() -> tuple[ContractAbi, bytes]:
    """Its interface and creation code. Raises CompilerMissing."""
    with pinned_solc() as solc:
        output = solcx.compile_standard(
            {
                "language": "Solidity",
                "sources": {"Household.sol": {"content": SOURCE}},
                "settings": {
                    "evmVersion": "cancun",
                    "outputSelection": {"Household.sol": {"Household": ["abi", "evm.bytecode.object"]}},
                },
            },
            solc_binary=solc,
        )
    made = output["contracts"]["Household.sol"]["Household"]
    return ContractAbi("Household", made["abi"]), bytes.fromhex(made["evm"]["bytecode"]["object"])


def deploy(chain: Chain, code: bytes, payer: bytes) -> bytes:
    """A new wallet that has no keys yet; its address."""
    sent = chain.send(ContractCall(contract="Household", function="constructor", to=None, data=code), payer)
    assert sent.created is not None
    return sent.created


def change(abi: ContractAbi, wallet: bytes, secrets: tuple[bytes, bytes]) -> ContractCall:
    """Name the two keys."""
    return abi.call(wallet, "change", [address_of(secret) for secret in secrets])
