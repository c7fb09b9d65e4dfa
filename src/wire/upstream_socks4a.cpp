#include "wire/upstream_socks4a.h"

#include "wire/ip_literal.h"
#include "wire/upstream_errc.h"

#include <boost/system/errc.hpp>

namespace ptproxy {
namespace {

constexpr Byte version = 0x04, command_connect = 0x01;
constexpr Byte reply_version = 0x00, granted = 0x5a;
constexpr std::size_t reply_size = 8;

}  // namespace

Result<Handshake::Step> UpstreamSocks4a::advance(ByteQueue& in, ByteQueue& out) {
  if (!asked_) {
    if (auto asked = ask(out); !asked) return asked.error();
    asked_ = true;
  }
  const auto reply = Reader(in.view()).take(reply_size);
  if (!in.empty() && in.view().front() != reply_version) return UpstreamErrc::bad_reply;
  if (!reply) return Step::need_more;
  if ((*reply)[1] != granted) return UpstreamErrc::refused;
  in.drop_front(reply_size);
  return Step::done;
}

/// `04 01 PORT(2) IP(4) USER... 00 [NAME... 00]`
Result<> UpstreamSocks4a::ask(ByteQueue& out) const {
  constexpr ByteArray<4> name_follows{0, 0, 0, 1};
  if (target_.is_ipv6()) return error_code(make_error_code(boost::system::errc::address_family_not_supported));
  const auto address = ipv4_bytes(target_.host());
  if (!address && !is_plain_name(target_.host())) return UpstreamErrc::bad_name;
  out.append(version);
  out.append(command_connect);
  out.append_u16(target_.port());
  out.append(address.value_or(name_follows));
  out.append(as_bytes(user_));
  out.append(Byte{0});
  if (address) return {};
  out.append(as_bytes(target_.host()));
  out.append(Byte{0});
  return {};
}

}  // namespace ptproxy
