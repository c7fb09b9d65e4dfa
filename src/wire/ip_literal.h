#pragma once
/// \file
/// IP addresses between their text and their bytes in network order.

#include <ptproxy/bytes.h>

namespace ptproxy {

/// The text of an address of 4 or 16 bytes.
std::string to_ip_text(ByteView address);
/// nullopt unless `host` is an IPv4 literal.
std::optional<ByteArray<4>> ipv4_bytes(const std::string& host);
/// nullopt unless `host` is an IPv6 literal, without brackets and zone.
std::optional<ByteArray<16>> ipv6_bytes(const std::string& host);

/// A name that may be handed to a resolver or to another proxy: 1 to 255 bytes of printable ASCII without space, so
/// that it cannot end a field or a line of whatever protocol it is put into.
bool is_plain_name(std::string_view host);

}  // namespace ptproxy
