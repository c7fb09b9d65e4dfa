#include "transports/marked_hello.h"

#include "crypto/hash.h"

#include <algorithm>

namespace ptproxy {
namespace {

constexpr std::int64_t seconds_per_hour = 3600;

}  // namespace

std::string epoch_hour(std::int64_t unix_seconds, int hours_later) {
  return std::to_string(unix_seconds / seconds_per_hour + hours_later);
}

void append_random(ByteQueue& out, std::size_t size, Random& random) {
  Bytes bytes(size);
  random.fill(bytes);
  out.append(bytes);
}

void append_mark_and_mac(ByteQueue& out, ByteView key, ByteView marked, std::string_view hour) {
  out.append(hmac_sha256_128(key, {marked}));
  out.append(hmac_sha256_128(key, {out.view(), as_bytes(hour)}));
}

std::optional<std::size_t> end_of_hello(ByteView heard, const Mark& mark, std::size_t from) {
  const auto searched = heard.subspan(std::min(from, heard.size()));
  const auto found = std::ranges::search(searched, mark);
  if (found.empty()) return std::nullopt;
  const auto end = static_cast<std::size_t>(found.end() - searched.begin()) + from + mac_size;
  if (end > heard.size()) return std::nullopt;
  return end;
}

bool mac_fits(ByteView key, ByteView hello, std::string_view hour) {
  const auto mac = hmac_sha256_128(key, {hello.first(hello.size() - mac_size), as_bytes(hour)});
  return equal_in_constant_time(mac, hello.last(mac_size));
}

std::optional<std::string> hour_of_mac(ByteView key, ByteView hello, std::int64_t unix_seconds) {
  std::optional<std::string> found;
  for (int hours_later : {0, -1, 1}) {
    const auto hour = epoch_hour(unix_seconds, hours_later);
    if (mac_fits(key, hello, hour)) found = hour;
  }
  return found;
}

}  // namespace ptproxy
