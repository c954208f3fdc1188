// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Anchor} from "../lindenstrom_contracts/interfaces/IReadingLog.sol";
import {Header, ISettlement, MeterOpening, Opening} from "../lindenstrom_contracts/interfaces/ISettlement.sol";
import {Reasons} from "../lindenstrom_contracts/libraries/Reasons.sol";
import {BadOpening, ChallengeFailed} from "../lindenstrom_contracts/libraries/Refutation.sol";
import {NotSignedBy, SpecialMember} from "../lindenstrom_contracts/libraries/Errors.sol";
import {Day} from "./Day.sol";

/// @dev What a refutation costs as a transaction of its own: 21 000, calldata (with EIP-7623's floor), execution with cold storage.
abstract contract Measured is Day {
    function gasOfNetRefutation() internal returns (uint256) {
        (, Opening memory o) = honest();
        o.statement.net += 1;
        Header memory h = commit(o);
        uint64 sequence = post(h);
        bytes memory data = abi.encodeCall(settlement.refute, (sequence, MEMBER, h, o, wish(sequence, h)));
        for (uint256 i = 0; i < 4; i++) {
            vm.cool([address(registry), address(agreements), address(readingLog), address(settlement)][i]);
        }
        (bool ok,) = address(settlement).call(data);
        uint256 execution = vm.lastCallGas().gasTotalUsed;
        yes(ok, "voided");
        (,,,, uint8 state,,,) = settlement.posting(sequence);
        eq(state, 2, "void");
        return 21_000 + dearer(data, execution);
    }

    function dearer(bytes memory data, uint256 execution) private pure returns (uint256) {
        uint256 tokens = 0;
        for (uint256 i = 0; i < data.length; i++) {
            tokens += data[i] == 0 ? 1 : 4;
        }
        uint256 usual = 4 * tokens + execution;
        return usual > 10 * tokens ? usual : 10 * tokens;
    }

    function within(uint256 used, uint256 budget) internal {
        emit Used(used, budget);
        yes(used <= budget, "budget");
    }

    event Used(uint256 gas, uint256 budget);
}

contract RefuteGasTest is Measured {
    function test_gas_three_agreements_two_meters() public {
        settle(2, 3);
        within(gasOfNetRefutation(), 1_000_000);
    }

    function test_gas_at_the_caps() public {
        settle(4, 4);
        within(gasOfNetRefutation(), 1_500_000);
    }
}
