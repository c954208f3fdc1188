"""The auditor's work: recompute every posting from the mailbox and the chain, then attest or void."""
