#include "wire/ext_orport.h"

#include "crypto/hash.h"
#include "wire/ip_literal.h"

#include <algorithm>

namespace ptproxy {
namespace {

constexpr std::string_view cookie_header = "! Extended ORPort Auth Cookie !\n";
constexpr std::string_view server_label = "ExtORPort authentication server-to-client hash";
constexpr std::string_view client_label = "ExtORPort authentication client-to-server hash";
constexpr Byte no_more_types = 0x00, safe_cookie = 0x01;
constexpr Byte status_accepted = 0x01;
constexpr std::uint16_t command_done = 0x0000, command_user_addr = 0x0001, command_transport = 0x0002;
constexpr std::uint16_t reply_okay = 0x1000, reply_deny = 0x1001;

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "ext_orport"; }
  std::string message(int code) const override {
    switch (static_cast<OrPortErrc>(code)) {
      case OrPortErrc::bad_cookie_file:
        return "the cookie file is not one of an Extended ORPort";
      case OrPortErrc::no_common_auth:
        return "the Extended ORPort does not offer SAFE_COOKIE";
      case OrPortErrc::wrong_server_hash:
        return "the Extended ORPort does not know the cookie";
      case OrPortErrc::cookie_refused:
        return "the Extended ORPort refused our cookie";
      case OrPortErrc::connection_denied:
        return "the Extended ORPort denied the connection";
      case OrPortErrc::too_many_replies:
        return "the Extended ORPort never said OKAY";
    }
    return "unknown Extended ORPort error";
  }
};

/// COMMAND(2) BODYLEN(2) BODY
void append_command(ByteQueue& out, std::uint16_t command, std::string_view body) {
  out.append_u16(command);
  out.append_u16(static_cast<std::uint16_t>(body.size()));
  out.append(as_bytes(body));
}

/// As tor reads it: a literal, never port 0, and IPv4 in its own notation. nullopt for a name or an address with a
/// zone.
std::optional<std::string> user_addr(const Endpoint& client) {
  // Tor takes port 0 for a missing one and closes the connection.
  const std::uint16_t port = client.port() == 0 ? 1 : client.port();
  if (const auto v6 = ipv6_bytes(client.host())) {
    const ByteView address = *v6;
    constexpr ByteArray<12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    const bool mapped = std::ranges::equal(address.first(12), mapped_prefix);
    return Endpoint(to_ip_text(mapped ? address.subspan(12) : address), port).to_string();
  }
  if (client.is_ipv4()) return Endpoint(client.host(), port).to_string();
  return std::nullopt;
}

}  // namespace

const boost::system::error_category& or_port_category() {
  static const Category category;
  return category;
}

Result<Secret<32>> parse_or_port_cookie(ByteView file) {
  if (file.size() != 64 || !equal_in_constant_time(file.first(32), as_bytes(cookie_header)))
    return OrPortErrc::bad_cookie_file;
  return Secret<32>(file.subspan(32));
}

ExtOrPort::ExtOrPort(const Secret<32>& cookie, ByteArray<32> client_nonce, const std::optional<Endpoint>& client,
                     std::string_view transport)
    : cookie_(cookie), client_nonce_(client_nonce) {
  if (client)
    if (const auto address = user_addr(*client)) append_command(commands_, command_user_addr, *address);
  append_command(commands_, command_transport, transport);
  append_command(commands_, command_done, "");
}

Result<Handshake::Step> ExtOrPort::advance(ByteQueue& in, ByteQueue& out) {
  while (stage_ != Stage::done) {
    auto step = take_stage(in, out);
    if (!step || *step == Step::need_more) return step;
  }
  return Step::done;
}

/// `done` here means that this stage is.
Result<Handshake::Step> ExtOrPort::take_stage(ByteQueue& in, ByteQueue& out) {
  switch (stage_) {
    case Stage::start:
      // Tor takes the choice before it has offered any, which saves a round trip.
      out.append(safe_cookie);
      out.append(client_nonce_);
      stage_ = Stage::auth_types;
      break;
    case Stage::auth_types:
      return take_auth_types(in);
    case Stage::hashes:
      return take_hashes(in, out);
    case Stage::status:
      return take_status(in);
    case Stage::replies:
      return take_reply(in);
    case Stage::done:
      break;
  }
  return Step::done;
}

Result<Handshake::Step> ExtOrPort::take_auth_types(ByteQueue& in) {
  Reader reader(in.view().first(std::min(in.size(), most_auth_types + 1)));
  const auto types = reader.take_until(no_more_types);
  if (!types && in.size() > most_auth_types) return OrPortErrc::no_common_auth;
  if (!types) return Step::need_more;
  if (std::ranges::find(*types, safe_cookie) == types->end()) return OrPortErrc::no_common_auth;
  in.drop_front(types->size() + 1);
  stage_ = Stage::hashes;
  return Step::done;
}

/// ServerHash(32) ServerNonce(32)
Result<Handshake::Step> ExtOrPort::take_hashes(ByteQueue& in, ByteQueue& out) {
  Reader reader(in.view());
  const auto server_hash = reader.take(32);
  const auto server_nonce = reader.take(32);
  if (!server_hash || !server_nonce) return Step::need_more;
  if (!equal_in_constant_time(*server_hash, hash(server_label, *server_nonce))) return OrPortErrc::wrong_server_hash;
  out.append(hash(client_label, *server_nonce));
  out.append(commands_.view());
  in.drop_front(64);
  stage_ = Stage::status;
  return Step::done;
}

Result<Handshake::Step> ExtOrPort::take_status(ByteQueue& in) {
  if (in.empty()) return Step::need_more;
  if (in.view().front() != status_accepted) return OrPortErrc::cookie_refused;
  in.drop_front(1);
  stage_ = Stage::replies;
  return Step::done;
}

/// REPLY(2) BODYLEN(2) BODY. Bodies are skipped as they come, never kept.
Result<Handshake::Step> ExtOrPort::take_reply(ByteQueue& in) {
  const auto skipped = std::min(body_to_skip_, in.size());
  in.drop_front(skipped);
  body_to_skip_ -= skipped;
  if (body_to_skip_ > 0) return Step::need_more;
  if (okay_) {
    stage_ = Stage::done;
    return Step::done;
  }
  Reader reader(in.view());
  const auto reply = reader.u16();
  const auto body_size = reader.u16();
  if (!reply || !body_size) return Step::need_more;
  if (*reply == reply_deny) return OrPortErrc::connection_denied;
  okay_ = *reply == reply_okay;
  if (!okay_ && ++unknown_replies_ > most_unknown_replies) return OrPortErrc::too_many_replies;
  in.drop_front(4);
  body_to_skip_ = *body_size;
  return Step::done;
}

ByteArray<32> ExtOrPort::hash(std::string_view label, ByteView server_nonce) const {
  return hmac_sha256(cookie_.view(), {as_bytes(label), client_nonce_, server_nonce});
}

}  // namespace ptproxy
