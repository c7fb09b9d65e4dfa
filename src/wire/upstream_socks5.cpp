#include "wire/upstream_socks5.h"

#include "wire/ip_literal.h"
#include "wire/socks_reply.h"
#include "wire/upstream_errc.h"

namespace ptproxy {
namespace {

constexpr Byte version = 0x05, command_connect = 0x01, reserved = 0x00;
constexpr Byte type_ipv4 = 0x01, type_name = 0x03, type_ipv6 = 0x04;
constexpr Byte method_none = 0x00, method_password = 0x02, method_unacceptable = 0xff;
constexpr Byte auth_version = 0x01, auth_accepted = 0x00;

void append_field(ByteQueue& out, std::string_view text) {
  out.append(static_cast<Byte>(text.size()));
  out.append(as_bytes(text));
}

SocksReply known_reply(Byte code) {
  return code <= static_cast<Byte>(SocksReply::address_type_not_supported) ? static_cast<SocksReply>(code)
                                                                           : SocksReply::general_failure;
}

}  // namespace

Result<Handshake::Step> UpstreamSocks5::advance(ByteQueue& in, ByteQueue& out) {
  while (stage_ != Stage::done) {
    auto step = take_stage(in, out);
    if (!step || *step == Step::need_more) return step;
  }
  return Step::done;
}

/// `done` here means that this stage is.
Result<Handshake::Step> UpstreamSocks5::take_stage(ByteQueue& in, ByteQueue& out) {
  switch (stage_) {
    case Stage::start:
      return greet(out);
    case Stage::method:
      return take_method(in, out);
    case Stage::auth:
      return take_auth(in, out);
    case Stage::reply:
      return take_reply(in);
    case Stage::done:
      break;
  }
  return Step::done;
}

Result<Handshake::Step> UpstreamSocks5::greet(ByteQueue& out) {
  if (!target_.is_literal() && !is_plain_name(target_.host())) return UpstreamErrc::bad_name;
  const Bytes methods = user_ ? Bytes{method_none, method_password} : Bytes{method_none};
  out.append(version);
  append_field(out, as_text(methods));
  stage_ = Stage::method;
  return Step::done;
}

Result<Handshake::Step> UpstreamSocks5::take_method(ByteQueue& in, ByteQueue& out) {
  Reader reader(in.view());
  const auto their_version = reader.u8();
  if (their_version && *their_version != version) return UpstreamErrc::bad_reply;
  const auto method = reader.u8();
  if (!method) return Step::need_more;
  in.drop_front(2);
  if (*method == method_none) {
    ask(out);
    return Step::done;
  }
  if (*method == method_unacceptable) return UpstreamErrc::wants_credentials;
  if (*method != method_password || !user_) return UpstreamErrc::bad_reply;
  out.append(auth_version);
  append_field(out, *user_);
  append_field(out, password_.value_or(""));
  stage_ = Stage::auth;
  return Step::done;
}

Result<Handshake::Step> UpstreamSocks5::take_auth(ByteQueue& in, ByteQueue& out) {
  Reader reader(in.view());
  const auto their_version = reader.u8();
  if (their_version && *their_version != auth_version) return UpstreamErrc::bad_reply;
  const auto status = reader.u8();
  if (!status) return Step::need_more;
  if (*status != auth_accepted) return UpstreamErrc::refused_credentials;
  in.drop_front(2);
  ask(out);
  return Step::done;
}

/// `05 01 00 ATYP DST.ADDR DST.PORT`
void UpstreamSocks5::ask(ByteQueue& out) {
  const Byte connect[] = {version, command_connect, reserved};
  out.append(connect);
  if (const auto v4 = ipv4_bytes(target_.host())) {
    out.append(type_ipv4);
    out.append(*v4);
  } else if (const auto v6 = ipv6_bytes(target_.host())) {
    out.append(type_ipv6);
    out.append(*v6);
  } else {
    out.append(type_name);
    append_field(out, target_.host());
  }
  out.append_u16(target_.port());
  stage_ = Stage::reply;
}

/// `05 REP 00 ATYP BND.ADDR BND.PORT`. Who refuses may cut the rest off.
Result<Handshake::Step> UpstreamSocks5::take_reply(ByteQueue& in) {
  Reader reader(in.view());
  const auto their_version = reader.u8();
  if (their_version && *their_version != version) return UpstreamErrc::bad_reply;
  const auto code = reader.u8();
  if (code && *code != 0) return known_reply(*code);
  const auto head = reader.take(2);
  if (!head) return Step::need_more;
  std::size_t address_size = 0;
  switch ((*head)[1]) {
    case type_ipv4:
      address_size = 4;
      break;
    case type_ipv6:
      address_size = 16;
      break;
    case type_name: {
      const auto length = reader.u8();
      if (!length) return Step::need_more;
      address_size = *length;
      break;
    }
    default:
      return UpstreamErrc::bad_reply;
  }
  if (!reader.take(address_size + 2)) return Step::need_more;
  in.drop_front(in.size() - reader.rest().size());
  stage_ = Stage::done;
  return Step::done;
}

}  // namespace ptproxy
