"""What the stories share: parents, peers, SOCKS in raw bytes, the obfs4 hello, a private Tor network."""
