#pragma once
/// \file
/// AES-128 in cipher block chaining mode (NIST SP 800-38A) over whole blocks: what is inside ScrambleSuit's tickets.

#include <ptproxy/bytes.h>

namespace ptproxy {

/// In place; the size is a multiple of 16 (throws std::invalid_argument for any other).
void aes_128_cbc_encrypt(const Secret<16>& key, std::span<const Byte, 16> iv, ByteSpan bytes);
void aes_128_cbc_decrypt(const Secret<16>& key, std::span<const Byte, 16> iv, ByteSpan bytes);

}  // namespace ptproxy
