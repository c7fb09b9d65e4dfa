#include "crypto/stream_cipher.h"

#include <openssl/evp.h>

#include <algorithm>
#include <new>
#include <stdexcept>

namespace ptproxy {
namespace {

/// Looked up once; OpenSSL otherwise searches its providers again for every connection.
const EVP_CIPHER* aes_ctr(std::size_t key_size) {
  static EVP_CIPHER* const aes_128 = EVP_CIPHER_fetch(nullptr, "AES-128-CTR", nullptr);
  static EVP_CIPHER* const aes_256 = EVP_CIPHER_fetch(nullptr, "AES-256-CTR", nullptr);
  if (key_size == 16) return aes_128;
  if (key_size == 32) return aes_256;
  throw std::invalid_argument("an AES key has 16 or 32 bytes here");
}

}  // namespace

AesCtr::AesCtr(ByteView key, const ByteArray<16>& counter_block) {
  const EVP_CIPHER* cipher = aes_ctr(key.size());
  cipher_.reset(EVP_CIPHER_CTX_new());
  if (!cipher_) throw std::bad_alloc();
  if (EVP_EncryptInit_ex2(cipher_.get(), cipher, key.data(), counter_block.data(), nullptr) != 1)
    throw std::runtime_error("OpenSSL has no AES in counter mode");
}

void AesCtr::apply(ByteSpan bytes) {
  constexpr std::size_t most = std::size_t{1} << 30;  // OpenSSL counts in int
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), most));
    int written = 0;
    if (EVP_EncryptUpdate(cipher_.get(), piece.data(), &written, piece.data(), static_cast<int>(piece.size())) != 1)
      throw std::runtime_error("OpenSSL could not encrypt");
    bytes = bytes.subspan(piece.size());
  }
}

void AesCtr::Free::operator()(evp_cipher_ctx_st* cipher) const {
  EVP_CIPHER_CTX_free(cipher);
}

}  // namespace ptproxy
