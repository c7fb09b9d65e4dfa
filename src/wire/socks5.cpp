#include "wire/socks5.h"

#include "wire/ip_literal.h"

#include <algorithm>

namespace ptproxy {
namespace {

constexpr Byte version = 0x05;
constexpr Byte auth_version = 0x01;
constexpr Byte command_connect = 0x01;
constexpr Byte type_ipv4 = 0x01, type_name = 0x03, type_ipv6 = 0x04;

/// DST.ADDR of the given type: its host, nothing yet, or the reply that refuses it.
Result<std::optional<std::string>> take_address(Reader& reader, Byte type) {
  using Host = std::optional<std::string>;
  if (type == type_ipv4 || type == type_ipv6) {
    const auto address = reader.take(type == type_ipv4 ? 4 : 16);
    return address ? Host(to_ip_text(*address)) : Host();
  }
  if (type != type_name) return SocksReply::address_type_not_supported;
  const auto length = reader.u8();
  if (!length) return Host();
  if (*length == 0) return SocksReply::general_failure;
  const auto name = reader.take(*length);
  if (!name) return Host();
  if (!is_plain_name(as_text(*name))) return SocksReply::general_failure;
  return Host(as_text(*name));
}

/// `05 CMD 00 ATYP DST.ADDR DST.PORT`. Each field is judged as soon as it is there.
Result<std::optional<Endpoint>> take_target(Reader& reader) {
  using Target = std::optional<Endpoint>;
  const auto their_version = reader.u8();
  if (their_version && *their_version != version) return SocksReply::general_failure;
  const auto command = reader.u8();
  if (command && *command != command_connect) return SocksReply::command_not_supported;
  const auto reserved = reader.u8();
  if (reserved && *reserved != 0) return SocksReply::general_failure;
  const auto type = reader.u8();
  if (!type) return Target();
  auto host = take_address(reader, *type);
  if (!host) return host.error();
  const auto port = *host ? reader.u16() : std::nullopt;
  if (!port) return Target();
  return Target(Endpoint(std::move(**host), *port));
}

}  // namespace

Result<Handshake::Step> Socks5Server::advance(ByteQueue& in, ByteQueue& out) {
  while (stage_ != Stage::done) {
    auto step = take_stage(in, out);
    if (!step || *step == Step::need_more) return step;
  }
  return Step::done;
}

Bytes Socks5Server::timeout_reply() const {
  return stage_ == Stage::pt2_settings ? socks5_reply(SocksReply::settings_late) : Bytes();
}

/// `done` here means that this stage is.
Result<Handshake::Step> Socks5Server::take_stage(ByteQueue& in, ByteQueue& out) {
  switch (stage_) {
    case Stage::greeting:
      return take_greeting(in, out);
    case Stage::pt1_arguments:
      return take_pt1_arguments(in, out);
    case Stage::pt2_settings:
      return take_pt2_settings(in, out);
    case Stage::request:
      return take_request(in, out);
    case Stage::done:
      break;
  }
  return Step::done;
}

/// `05 NMETHODS METHODS...`
Result<Handshake::Step> Socks5Server::take_greeting(ByteQueue& in, ByteQueue& out) {
  Reader reader(in.view());
  const auto their_version = reader.u8();
  if (their_version && *their_version != version) return Errc::bad_message;
  const auto count = reader.u8();
  if (!count) return Step::need_more;
  const auto methods = reader.take(*count);
  if (!methods) return Step::need_more;

  method_ = choose(*methods);
  in.drop_front(2 + *count);
  const Byte answer[] = {version, static_cast<Byte>(method_)};
  out.append(answer);
  switch (method_) {
    case SocksMethod::unacceptable:
      return Errc::unsupported;
    case SocksMethod::none:
      stage_ = Stage::request;
      break;
    case SocksMethod::pt1_arguments:
      stage_ = Stage::pt1_arguments;
      break;
    case SocksMethod::json_block:
    case SocksMethod::json_draft:
      pt2_settings_.emplace(method_);
      stage_ = Stage::pt2_settings;
      break;
  }
  return Step::done;
}

SocksMethod Socks5Server::choose(ByteView offered) const {
  for (auto method :
       {SocksMethod::json_block, SocksMethod::json_draft, SocksMethod::pt1_arguments, SocksMethod::none}) {
    if (method == SocksMethod::json_draft && !allow_method_80_) continue;
    if (std::ranges::find(offered, static_cast<Byte>(method)) != offered.end()) return method;
  }
  return SocksMethod::unacceptable;
}

/// `01 ULEN UNAME PLEN PASSWD`: one text, cut behind its 255th byte; a PASSWD of one NUL fills an empty rest.
Result<Handshake::Step> Socks5Server::take_pt1_arguments(ByteQueue& in, ByteQueue& out) {
  const auto refuse = [&out] {
    const Byte refused[] = {auth_version, 0x01};
    out.append(refused);
    return Errc::bad_arguments;
  };
  Reader reader(in.view());
  const auto their_version = reader.u8();
  if (their_version && *their_version != auth_version) return refuse();
  std::string text;
  for (int field = 0; field < 2; ++field) {
    const auto length = reader.u8();
    if (length && *length == 0) return refuse();
    const auto part = length ? reader.take(*length) : std::nullopt;
    if (!part) return Step::need_more;
    const bool is_filler = field == 1 && part->size() == 1 && part->front() == 0;
    if (!is_filler) text += as_text(*part);
  }
  auto args = parse_args(text);
  if (!args) return refuse();

  args_ = std::move(*args);
  in.drop_front(in.size() - reader.rest().size());
  const Byte accepted[] = {auth_version, 0x00};
  out.append(accepted);
  stage_ = Stage::request;
  return Step::done;
}

Result<Handshake::Step> Socks5Server::take_pt2_settings(ByteQueue& in, ByteQueue& out) {
  auto step = pt2_settings_->advance(in, out);
  if (!step || *step == Step::need_more) return step;
  args_ = pt2_settings_->args();
  pt2_settings_.reset();
  stage_ = Stage::request;
  return Step::done;
}

Result<Handshake::Step> Socks5Server::take_request(ByteQueue& in, ByteQueue& out) {
  Reader reader(in.view());
  auto target = take_target(reader);
  if (!target) {
    out.append(socks5_reply(reply_for(target.error())));
    return target.error();
  }
  if (!*target) return Step::need_more;
  request_ = SocksRequest(SocksVersion::socks5, method_, std::move(**target), std::move(args_));
  in.drop_front(in.size() - reader.rest().size());
  stage_ = Stage::done;
  return Step::done;
}

}  // namespace ptproxy
