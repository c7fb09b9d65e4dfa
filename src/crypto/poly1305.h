#pragma once
/// \file
/// Poly1305 (RFC 8439 section 2.5), the tag of a NaCl secretbox.

#include <ptproxy/bytes.h>

namespace ptproxy {

/// The tag of one message under a key of 32 bytes that must never be used for another.
ByteArray<16> poly1305(ByteView one_time_key, ByteView message);

}  // namespace ptproxy
