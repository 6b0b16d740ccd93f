"""Where the engine meets other programs: Scapy and Wireshark."""
