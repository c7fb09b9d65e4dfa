#pragma once
/// \file
/// Certificates made on the spot.

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace ptproxy::test {

/// A certificate authority of its own key.
class Authority {
 public:
  struct Server {
    std::string certificate, key;  // PEM
  };

  Authority() : key_(new_key()), certificate_(sign(key_.get(), "Authority", "", 0, 4000000000, true)) {}
  std::string certificate() const { return pem(certificate_.get()); }
  /// `names` as in `DNS:localhost,IP:127.0.0.1`; valid from and until these seconds since 1970.
  Server issue(const std::string& names, std::int64_t from, std::int64_t until) const {
    const auto key = new_key();
    return {pem(sign(key.get(), "Server", names, from, until, false).get()), pem(key.get())};
  }
  static std::string encrypted(const std::string& key_pem) {
    const Owned<BIO> in(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
    const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
    const Owned<BIO> out(BIO_new(BIO_s_mem()));
    check(PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), EVP_aes_128_cbc(), "secret", 6, nullptr, nullptr));
    return text(out.get());
  }

 private:
  struct Free {
    void operator()(X509* x) const { X509_free(x); }
    void operator()(EVP_PKEY* k) const { EVP_PKEY_free(k); }
    void operator()(BIO* b) const { BIO_free(b); }
    void operator()(X509_EXTENSION* e) const { X509_EXTENSION_free(e); }
  };
  template <class T>
  using Owned = std::unique_ptr<T, Free>;

  static void check(int ok) {
    if (ok <= 0) throw std::runtime_error("OpenSSL makes no certificate");
  }
  static Owned<EVP_PKEY> new_key() { return Owned<EVP_PKEY>(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")); }
  Owned<X509> sign(EVP_PKEY* key, const char* name, const std::string& names, std::int64_t from, std::int64_t until,
                   bool authority) const {
    Owned<X509> made(X509_new());
    X509_set_version(made.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), authority ? 1 : 2);
    ASN1_TIME_set(X509_getm_notBefore(made.get()), from);
    ASN1_TIME_set(X509_getm_notAfter(made.get()), until);
    X509_set_pubkey(made.get(), key);
    const auto* text = reinterpret_cast<const unsigned char*>(name);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC, text, -1, -1, 0);
    X509_set_issuer_name(made.get(), X509_get_subject_name(authority ? made.get() : certificate_.get()));
    add(made.get(), NID_basic_constraints, authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (!names.empty()) add(made.get(), NID_subject_alt_name, names.c_str());
    check(X509_sign(made.get(), key_.get(), EVP_sha256()));
    return made;
  }
  static void add(X509* to, int nid, const char* value) {
    const Owned<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value));
    check(X509_add_ext(to, extension.get(), -1));
  }
  static std::string text(BIO* bio) {
    std::string all(static_cast<std::size_t>(BIO_pending(bio)), '\0');
    BIO_read(bio, all.data(), static_cast<int>(all.size()));
    return all;
  }
  static std::string pem(X509* certificate) {
    const Owned<BIO> out(BIO_new(BIO_s_mem()));
    check(PEM_write_bio_X509(out.get(), certificate));
    return text(out.get());
  }
  static std::string pem(EVP_PKEY* key) {
    const Owned<BIO> out(BIO_new(BIO_s_mem()));
    check(PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr));
    return text(out.get());
  }

  Owned<EVP_PKEY> key_;
  Owned<X509> certificate_;
};

}  // namespace ptproxy::test
