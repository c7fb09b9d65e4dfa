#include "wire/ip_literal.h"

#include <arpa/inet.h>

#include <algorithm>

namespace ptproxy {
namespace {

template <std::size_t N>
std::optional<ByteArray<N>> parse(int family, const std::string& host) {
  ByteArray<N> address;
  if (host.find('\0') != std::string::npos || inet_pton(family, host.c_str(), address.data()) != 1) return std::nullopt;
  return address;
}

}  // namespace

std::string to_ip_text(ByteView address) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(address.size() == 4 ? AF_INET : AF_INET6, address.data(), text, sizeof text);
  return text;
}

std::optional<ByteArray<4>> ipv4_bytes(const std::string& host) {
  return parse<4>(AF_INET, host);
}

std::optional<ByteArray<16>> ipv6_bytes(const std::string& host) {
  return parse<16>(AF_INET6, host);
}

bool is_plain_name(std::string_view host) {
  return !host.empty() && host.size() <= 255 &&
         std::ranges::all_of(host, [](unsigned char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace ptproxy
