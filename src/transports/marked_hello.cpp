#include "transports/marked_hello.h"

#include "crypto/hash.h"

#include <array>

namespace ptproxy {
namespace {

constexpr std::int64_t seconds_per_hour = 3600;

}  // namespace

std::string epoch_hour(std::int64_t unix_seconds, int hours_later) {
  return std::to_string(unix_seconds / seconds_per_hour + hours_later);
}

void append_random(ByteQueue& out, std::size_t size, Random& random) {
  random.fill(out.append_space(size));
}

void append_mark_and_mac(ByteQueue& out, ByteView key, ByteView marked, std::string_view hour) {
  out.append(hmac_sha256_128(key, {marked}));
  out.append(hmac_sha256_128(key, {out.view(), as_bytes(hour)}));
}

std::optional<std::size_t> end_of_hello(ByteView heard, const Mark& mark, std::size_t from) {
  const auto found = as_text(heard).find(as_text(mark), from);
  if (found == std::string_view::npos) return std::nullopt;
  const auto end = found + mark_size + mac_size;
  if (end > heard.size()) return std::nullopt;
  return end;
}

bool mac_fits(ByteView key, ByteView hello, std::string_view hour) {
  const auto mac = hmac_sha256_128(key, {hello.first(hello.size() - mac_size), as_bytes(hour)});
  return equal_in_constant_time(mac, hello.last(mac_size));
}

std::optional<std::string> hour_of_mac(ByteView key, ByteView hello, std::int64_t unix_seconds) {
  const std::array hours{epoch_hour(unix_seconds), epoch_hour(unix_seconds, -1), epoch_hour(unix_seconds, 1)};
  const auto macs = hmac_sha256_128_each(key, hello.first(hello.size() - mac_size), hours);
  std::optional<std::string> found;
  for (std::size_t i = 0; i < hours.size(); ++i)
    if (equal_in_constant_time(macs[i], hello.last(mac_size))) found = hours[i];
  return found;
}

}  // namespace ptproxy
