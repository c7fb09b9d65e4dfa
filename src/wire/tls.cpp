#include "wire/tls.h"

#include <ptproxy/endpoint.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <climits>

namespace ptproxy {
namespace {

constexpr unsigned char alpn[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "tls"; }
  std::string message(int code) const override {
    switch (static_cast<TlsErrc>(code)) {
      case TlsErrc::untrusted:
        return "the server's certificate is not signed by anybody whom we trust";
      case TlsErrc::wrong_name:
        return "the server's certificate is for another host";
      case TlsErrc::not_valid_now:
        return "the server's certificate is not valid at this time";
      case TlsErrc::refused:
        return "the peer refused the TLS connection";
      case TlsErrc::bad_peer:
        return "the peer does not speak TLS as we do";
      case TlsErrc::closed:
        return "the peer ended the TLS connection";
    }
    return "unknown TLS error";
  }
};

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIO_METHOD* method) const { BIO_meth_free(method); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

/// The wire as OpenSSL sees it: reads the bytes that were lent for this call, writes into a queue.
struct Wire {
  ByteView in;
  ByteQueue out;
};

Wire& wire_of(BIO* bio) {
  return *static_cast<Wire*>(BIO_get_data(bio));
}

int read_wire(BIO* bio, char* to, int size) {
  auto& in = wire_of(bio).in;
  BIO_clear_retry_flags(bio);
  const auto n = std::min(in.size(), static_cast<std::size_t>(std::max(size, 0)));
  if (n == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  std::copy_n(in.begin(), n, to);
  in = in.subspan(n);
  return static_cast<int>(n);
}

int write_wire(BIO* bio, const char* from, int size) {
  BIO_clear_retry_flags(bio);
  wire_of(bio).out.append(as_bytes(std::string_view(from, static_cast<std::size_t>(size))));
  return size;
}

long control_wire(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO* new_wire_bio(Wire& wire) {
  static const Owned<BIO_METHOD> method = [] {
    Owned<BIO_METHOD> made(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "ptproxy"));
    BIO_meth_set_read(made.get(), read_wire);
    BIO_meth_set_write(made.get(), write_wire);
    BIO_meth_set_ctrl(made.get(), control_wire);
    return made;
  }();
  BIO* bio = BIO_new(method.get());
  if (!bio) throw std::bad_alloc();
  BIO_set_data(bio, &wire);
  BIO_set_init(bio, 1);
  return bio;
}

int no_password(char*, int, int, void*) {
  return 0;
}

Owned<BIO> open_pem(std::string_view pem) {
  return Owned<BIO>(BIO_new_mem_buf(pem.data(), static_cast<int>(std::min<std::size_t>(pem.size(), INT_MAX))));
}

Owned<X509> next_certificate(BIO* pem) {
  return Owned<X509>(PEM_read_bio_X509(pem, nullptr, no_password, nullptr));
}

int choose_alpn(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                unsigned int offered_size, void*) {
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, size, alpn, sizeof alpn, offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

/// The name to ask for, and to find in the certificate.
bool set_name(SSL* ssl, X509_VERIFY_PARAM* wanted, std::string name) {
  // OpenSSL's macro for this casts in the old style.
  const long asked = SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
  return asked == 1 && X509_VERIFY_PARAM_set1_host(wanted, name.data(), name.size()) == 1;
}

std::shared_ptr<SSL_CTX> new_context(const SSL_METHOD* method) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(method), SSL_CTX_free);
  if (!context) throw std::bad_alloc();
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  // A connection that waits gives its record buffers back.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  return context;
}

std::shared_ptr<SSL_CTX> new_client_context() {
  auto context = new_context(TLS_client_method());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_alpn_protos(context.get(), alpn, sizeof alpn);
  return context;
}

}  // namespace

const boost::system::error_category& tls_category() {
  static const Category category;
  return category;
}

Checked<TlsSettings> TlsSettings::client_with_system_roots() {
  auto context = new_client_context();
  ERR_clear_error();
  if (SSL_CTX_set_default_verify_paths(context.get()) != 1)
    return Refusal("the system's certificate authorities cannot be read");
  return TlsSettings(std::move(context));
}

Checked<TlsSettings> TlsSettings::client_with_roots(std::string_view pem) {
  auto context = new_client_context();
  const auto text = open_pem(pem);
  int found = 0;
  while (const auto certificate = next_certificate(text.get()))
    found += X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), certificate.get());
  ERR_clear_error();
  if (found == 0) return Refusal("no certificates of authorities in this PEM text");
  return TlsSettings(std::move(context));
}

Checked<TlsSettings> TlsSettings::server(std::string_view chain_pem, std::string_view key_pem) {
  auto context = new_context(TLS_server_method());
  SSL_CTX_set_alpn_select_cb(context.get(), choose_alpn, nullptr);
  ERR_clear_error();
  const auto chain = open_pem(chain_pem);
  const auto own = next_certificate(chain.get());
  if (!own || SSL_CTX_use_certificate(context.get(), own.get()) != 1) {
    ERR_clear_error();
    return Refusal("the certificate file is not a usable certificate in PEM form");
  }
  while (const auto issuer = next_certificate(chain.get())) SSL_CTX_add1_chain_cert(context.get(), issuer.get());
  const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(open_pem(key_pem).get(), nullptr, no_password, nullptr));
  const bool usable = key && SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1;
  ERR_clear_error();
  if (!usable) return Refusal("the key file is not an unencrypted PEM key that belongs to the certificate");
  return TlsSettings(std::move(context));
}

class TlsHandshake::Connection {
 public:
  explicit Connection(std::shared_ptr<SSL_CTX> context) : context_(std::move(context)), ssl_(SSL_new(context_.get())) {
    if (!ssl_) throw std::bad_alloc();
    BIO* bio = new_wire_bio(wire_);
    SSL_set_bio(ssl_.get(), bio, bio);
  }
  SSL* ssl() { return ssl_.get(); }

  Result<Step> shake_hands(ByteQueue& in, ByteQueue& out) {
    ERR_clear_error();
    wire_.in = in.view();
    const int done = SSL_do_handshake(ssl());
    // Read record by record, so what stands behind the handshake has not been taken.
    in.drop_front(in.size() - wire_.in.size());
    wire_.in = {};
    flush(out);
    if (done == 1) return Step::done;
    if (SSL_get_error(ssl(), done) == SSL_ERROR_WANT_READ) return Step::need_more;
    return failure();
  }

  Result<> encode(ByteView plain, Burst& burst) {
    ERR_clear_error();
    if (!plain.empty() && SSL_write(ssl(), plain.data(), static_cast<int>(plain.size())) <= 0) return failure();
    burst.append(wire_.out.view());
    wire_.out.drop_front(wire_.out.size());
    return {};
  }

  Result<> decode(ByteView wire, Chunk& plain) {
    ERR_clear_error();
    wire_.in = wire;
    for (;;) {
      const auto space = plain.space();
      const int got = SSL_read(ssl(), space.data(), static_cast<int>(space.size()));
      if (got > 0) {
        plain.commit(static_cast<std::size_t>(got));
        continue;
      }
      const int why = SSL_get_error(ssl(), got);
      wire_.in = {};
      if (why == SSL_ERROR_WANT_READ) return {};
      if (why == SSL_ERROR_ZERO_RETURN) return make_error_code(TlsErrc::closed);
      return failure();
    }
  }

 private:
  void flush(ByteQueue& out) {
    out.append(wire_.out.view());
    wire_.out.drop_front(wire_.out.size());
  }

  error_code failure() {
    const auto reason = ERR_GET_REASON(ERR_peek_error());
    ERR_clear_error();
    switch (SSL_get_verify_result(ssl())) {
      case X509_V_OK:
        // Alerts that came in are numbered from here (RFC 8446 section 6).
        return reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256 ? TlsErrc::refused
                                                                                     : TlsErrc::bad_peer;
      case X509_V_ERR_HOSTNAME_MISMATCH:
      case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return TlsErrc::wrong_name;
      case X509_V_ERR_CERT_HAS_EXPIRED:
      case X509_V_ERR_CERT_NOT_YET_VALID:
        return TlsErrc::not_valid_now;
      default:
        return TlsErrc::untrusted;
    }
  }

  std::shared_ptr<SSL_CTX> context_;
  Wire wire_;
  Owned<SSL> ssl_;
};

namespace {

class TlsCodec final : public Codec {
 public:
  explicit TlsCodec(std::unique_ptr<TlsHandshake::Connection> connection) : connection_(std::move(connection)) {}
  Result<> encode(ByteSpan plain, Burst& wire) override { return connection_->encode(plain, wire); }
  Result<> decode(ByteSpan wire, Chunk& plain) override { return connection_->decode(wire, plain); }

 private:
  std::unique_ptr<TlsHandshake::Connection> connection_;
};

}  // namespace

TlsHandshake::TlsHandshake(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
TlsHandshake::TlsHandshake(TlsHandshake&&) noexcept = default;
TlsHandshake::~TlsHandshake() = default;

TlsHandshake TlsHandshake::client(const TlsSettings& settings, const std::string& host, std::int64_t unix_seconds) {
  auto connection = std::make_unique<Connection>(settings.context_);
  SSL* ssl = connection->ssl();
  SSL_set_connect_state(ssl);
  X509_VERIFY_PARAM* wanted = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_time(wanted, static_cast<time_t>(unix_seconds));
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const bool set = Endpoint(host, 0).is_literal() ? X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) == 1
                                                  : set_name(ssl, wanted, host);
  // Without a name to check against, any certificate would do.
  if (host.empty() || !set) throw std::invalid_argument("no host name for TLS");
  return TlsHandshake(std::move(connection));
}

TlsHandshake TlsHandshake::server(const TlsSettings& settings) {
  auto connection = std::make_unique<Connection>(settings.context_);
  SSL_set_accept_state(connection->ssl());
  return TlsHandshake(std::move(connection));
}

Result<Handshake::Step> TlsHandshake::advance(ByteQueue& in, ByteQueue& out) {
  return connection_->shake_hands(in, out);
}

std::unique_ptr<Codec> TlsHandshake::codec() {
  return std::make_unique<TlsCodec>(std::move(connection_));
}

}  // namespace ptproxy
