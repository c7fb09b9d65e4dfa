#include "wire/socks_server.h"

namespace ptproxy {

Result<Handshake::Step> SocksServer::advance(ByteQueue& in, ByteQueue& out) {
  if (std::holds_alternative<std::monostate>(version_)) {
    if (in.empty()) return Step::need_more;
    switch (static_cast<SocksVersion>(in.view().front())) {
      case SocksVersion::socks4:
        version_.emplace<Socks4Server>();
        break;
      case SocksVersion::socks5:
        version_.emplace<Socks5Server>(allow_method_80_);
        break;
      default:
        return Errc::bad_message;
    }
  }
  if (auto* socks4 = std::get_if<Socks4Server>(&version_)) return socks4->advance(in, out);
  return std::get<Socks5Server>(version_).advance(in, out);
}

const SocksRequest& SocksServer::request() const {
  if (const auto* socks4 = std::get_if<Socks4Server>(&version_)) return socks4->request();
  return std::get<Socks5Server>(version_).request();
}

Bytes SocksServer::timeout_reply() const {
  const auto* socks5 = std::get_if<Socks5Server>(&version_);
  return socks5 ? socks5->timeout_reply() : Bytes();
}

}  // namespace ptproxy
