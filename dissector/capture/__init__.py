"""Files to packets: opening, decompression, pcap, pcapng, link and IP headers, fragments."""
