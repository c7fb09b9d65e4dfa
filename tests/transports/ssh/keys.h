// Keys made by ssh-keygen (OpenSSH 9.2p1) for these tests alone, with the fingerprints that it prints.
#pragma once
#include "transports/ssh/public_key.h"

namespace ptproxy::ssh::test {

inline constexpr const char* ed25519 =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFZNiHehAXqtdBnhCxwVqlhcgIFjHTxxV85l+hZIwUke";
inline constexpr const char* ed25519_fingerprint = "SHA256:c0fa+FxTyIDAcelylLo21XQXcMceE5gyeudKat0dFzQ";
inline constexpr const char* rsa =
    "ssh-rsa "
    "AAAAB3NzaC1yc2EAAAADAQABAAAAgQDuDaW46G8u8qR0GcPo72JhG5QoUm4Fl8h46yrk9nabOtAonW21081v7njSyw9Wciie8pjSoZfyxGph"
    "6JHwODlqvAeaAOMBgETHNL5djKkfloT97uoUm/a6FZ9QzIY1nKqlV/A1P7i3mzPdfoRUGM1j3MCSwp0owj9DLk0vszRm7w==";
inline constexpr const char* rsa_fingerprint = "SHA256:h5LEl55uJD8xnVgSFP0S+SE6kPB5yKqKD8p9GwzGkFA";

/// An Ed25519 key for each number.
inline PublicKey numbered_key(std::uint32_t number) {
  ByteQueue blob;
  blob.append_u32(11);
  blob.append(as_bytes("ssh-ed25519"));
  blob.append_u32(32);
  for (int i = 0; i < 8; ++i) blob.append_u32(number);
  return PublicKey("ssh-ed25519", Bytes(blob.view().begin(), blob.view().end()));
}

}  // namespace ptproxy::ssh::test
