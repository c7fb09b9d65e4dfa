#pragma once
/// \file
/// AES in counter mode (NIST SP 800-38A), the stream cipher of obfs2, obfs3 and ScrambleSuit.

#include <ptproxy/bytes.h>

#include <memory>

struct evp_cipher_ctx_st;

namespace ptproxy {

/// One direction's key stream, xored onto whatever passes; encrypting and decrypting are the same. Can be moved, not
/// copied. The key schedule (about half a KiB) is wiped with it.
class AesCtr {
 public:
  /// A key of 16 or 32 bytes (throws std::invalid_argument for any other), and the first counter block: one big-endian
  /// number of 128 bits, which counts up by one every 16 bytes and wraps.
  AesCtr(ByteView key, const ByteArray<16>& counter_block);

  /// Xors the next bytes of the key stream onto these, in place.
  void apply(ByteSpan bytes);

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* cipher) const;
  };
  std::unique_ptr<evp_cipher_ctx_st, Free> cipher_;
};

}  // namespace ptproxy
