#include "wire/socks4.h"

#include "wire/ip_literal.h"
#include "wire/socks_reply.h"

#include <algorithm>

namespace ptproxy {
namespace {

constexpr Byte version = 0x04;
constexpr Byte command_connect = 0x01;

/// A text that ends with a NUL; nothing yet; or too long.
Result<std::optional<std::string>> take_text(Reader& reader, std::size_t longest) {
  Reader within_limit(reader.rest().first(std::min(reader.rest().size(), longest + 1)));
  const auto text = within_limit.take_until(0);
  if (!text && reader.rest().size() > longest) return Errc::too_long;
  if (!text) return std::optional<std::string>();
  reader.take(text->size() + 1);
  return std::optional<std::string>(as_text(*text));
}

/// 0.0.0.x, x not 0: SOCKS4a's sign that a name follows.
bool announces_name(ByteView address) {
  return address[0] == 0 && address[1] == 0 && address[2] == 0 && address[3] != 0;
}

}  // namespace

Result<Handshake::Step> Socks4Server::advance(ByteQueue& in, ByteQueue& out) {
  auto step = take(in);
  if (!step) out.append(socks4_reply(false));
  return step;
}

/// `04 CMD PORT(2) IP(4) USERID... 00 [NAME... 00]`
Result<Handshake::Step> Socks4Server::take(ByteQueue& in) {
  Reader reader(in.view());
  const auto their_version = reader.u8();
  if (their_version && *their_version != version) return Errc::bad_message;
  const auto command = reader.u8();
  if (command && *command != command_connect) return Errc::unsupported;
  const auto port = reader.u16();
  const auto address = reader.take(4);
  if (!port || !address) return Step::need_more;

  const auto user_id = take_text(reader, longest_user_id);
  if (!user_id) return user_id.error();
  if (!*user_id) return Step::need_more;
  std::string host = to_ip_text(*address);
  if (announces_name(*address)) {
    auto name = take_text(reader, longest_name);
    if (!name) return name.error();
    if (!*name) return Step::need_more;
    if (!is_plain_name(**name)) return Errc::bad_message;
    host = std::move(**name);
  }
  auto args = parse_args(**user_id);
  if (!args) return Errc::bad_arguments;

  const auto method = args->empty() ? SocksMethod::none : SocksMethod::pt1_arguments;
  request_ = SocksRequest(SocksVersion::socks4, method, Endpoint(std::move(host), *port), std::move(*args));
  in.drop_front(in.size() - reader.rest().size());
  return Step::done;
}

}  // namespace ptproxy
