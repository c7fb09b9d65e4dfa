#pragma once
/// \file
/// TLS 1.2 and 1.3 (RFC 5246, RFC 8446) over OpenSSL, without its sockets: a Handshake, and then a Codec. ALPN is
/// http/1.1 (RFC 7301).

#include <ptproxy/codec.h>
#include <ptproxy/handshake.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct ssl_ctx_st;

namespace ptproxy {

enum class TlsErrc {
  untrusted = 1,  ///< nobody whom we trust has signed the server's certificate
  wrong_name,     ///< the certificate is for another host
  not_valid_now,  ///< the certificate has expired, or is not valid yet
  refused,        ///< the peer said so by an alert
  bad_peer,       ///< the peer does not speak TLS, or not our versions and ciphers, or broke the protocol
  closed,         ///< the peer said properly that it has nothing more to say
};

const boost::system::error_category& tls_category();
inline error_code make_error_code(TlsErrc e) {
  return {static_cast<int>(e), tls_category()};
}

/// What the connections of one client or server have in common. Copies share it.
class TlsSettings {
 public:
  /// A client that trusts the system's certificate authorities: OpenSSL's own defaults, which SSL_CERT_FILE and
  /// SSL_CERT_DIR in the environment replace.
  static Checked<TlsSettings> client_with_system_roots();
  /// A client that trusts the authorities of a PEM text, and no others.
  static Checked<TlsSettings> client_with_roots(std::string_view pem);
  /// A server with a chain of certificates, its own first, and the key of that, both as PEM. An encrypted key is
  /// refused.
  static Checked<TlsSettings> server(std::string_view chain_pem, std::string_view key_pem);

 private:
  friend class TlsHandshake;
  explicit TlsSettings(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}
  std::shared_ptr<ssl_ctx_st> context_;
};

/// One connection's handshake. Errors: a TlsErrc; `out` then holds the alert that tells the peer.
class TlsHandshake final : public Handshake {
 public:
  /// The client's side. The server must prove to be `host`, a name (told by SNI) or an IP literal, with a certificate
  /// that is valid at `unix_seconds`.
  static TlsHandshake client(const TlsSettings& settings, const std::string& host, std::int64_t unix_seconds);
  static TlsHandshake server(const TlsSettings& settings);
  TlsHandshake(TlsHandshake&&) noexcept;
  ~TlsHandshake() override;
  Result<Step> advance(ByteQueue& in, ByteQueue& out) override;
  /// Called once, after `done`. decode() tells the peer's proper end by TlsErrc::closed.
  std::unique_ptr<Codec> codec();
  /// Opaque: the OpenSSL side of one connection.
  class Connection;

 private:
  explicit TlsHandshake(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace ptproxy

template <>
struct boost::system::is_error_code_enum<ptproxy::TlsErrc> : std::true_type {};
