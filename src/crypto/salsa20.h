#pragma once
/// \file
/// Salsa20 (Bernstein 2005) on one message a call.

#include <ptproxy/bytes.h>

namespace ptproxy {

/// The key stream comes in runs of so many bytes.
inline constexpr std::size_t salsa20_run = 1024;

/// Whether this processor makes a whole run at once (AVX-512): a message of one segment then costs half of what it
/// costs with libsodium.
bool salsa20_in_lanes();

/// Xors the key stream, from its beginning on, onto the first `size` bytes of `bytes` at least. What follows them, up
/// to the next multiple of salsa20_run, must be there, and means nothing afterwards: half a run costs more than a whole
/// one.
void salsa20_xor(ByteSpan bytes, std::size_t size, const Secret<32>& key, const ByteArray<8>& nonce,
                 bool in_lanes = salsa20_in_lanes());

}  // namespace ptproxy
