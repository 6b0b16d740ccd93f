"""Everything that records, sends or plays octets again: live captures, the tap, replay."""
