#pragma once
/// \file
/// SHA-256 (FIPS 180-4), HMAC (RFC 2104) and HKDF (RFC 5869) over it. Inputs come as parts, hashed as if they stood in
/// one piece.

#include <ptproxy/bytes.h>

#include <initializer_list>
#include <span>
#include <string>
#include <vector>

namespace ptproxy {

ByteArray<32> sha256(std::initializer_list<ByteView> parts);

/// The key may have any length.
ByteArray<32> hmac_sha256(ByteView key, std::initializer_list<ByteView> parts);

/// The first 16 bytes of hmac_sha256: the marks and MACs of obfs4 and ScrambleSuit.
ByteArray<16> hmac_sha256_128(ByteView key, std::initializer_list<ByteView> parts);

/// The same for several messages that differ in their ends alone: what they begin with is hashed once.
std::vector<ByteArray<16>> hmac_sha256_128_each(ByteView key, ByteView beginning, std::span<const std::string> ends);

/// HKDF's first half: a key of 32 bytes out of material of any length.
Secret<32> hkdf_extract(ByteView salt, ByteView key_material);

/// HKDF's second half, of use alone where there is a good key already: fills `out`, 8160 bytes at most (throws
/// std::length_error beyond).
void hkdf_expand(ByteView key, ByteView info, ByteSpan out);

}  // namespace ptproxy
