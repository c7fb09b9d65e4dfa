#include "crypto/poly1305.h"

#include <openssl/evp.h>

#include <memory>
#include <stdexcept>

namespace ptproxy {
namespace {

/// OpenSSL's, because it is several times as fast as libsodium's where the processor has wide registers. Looking the
/// algorithm up takes longer than a message, so that is done once in a thread.
EVP_MAC_CTX* this_threads_poly1305() {
  struct Free {
    void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
    void operator()(EVP_MAC_CTX* state) const { EVP_MAC_CTX_free(state); }
  };
  static const std::unique_ptr<EVP_MAC, Free> algorithm(EVP_MAC_fetch(nullptr, "POLY1305", nullptr));
  thread_local const std::unique_ptr<EVP_MAC_CTX, Free> state(algorithm ? EVP_MAC_CTX_new(algorithm.get()) : nullptr);
  if (!state) throw std::runtime_error("OpenSSL has no Poly1305");
  return state.get();
}

}  // namespace

ByteArray<16> poly1305(ByteView one_time_key, ByteView message) {
  auto* state = this_threads_poly1305();
  ByteArray<16> tag;
  std::size_t size = 0;
  if (EVP_MAC_init(state, one_time_key.data(), one_time_key.size(), nullptr) != 1 ||
      EVP_MAC_update(state, message.data(), message.size()) != 1 ||
      EVP_MAC_final(state, tag.data(), &size, tag.size()) != 1 || size != tag.size())
    throw std::runtime_error("Poly1305 failed");
  return tag;
}

}  // namespace ptproxy
