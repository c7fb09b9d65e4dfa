#include "crypto/block_cipher.h"

#include <openssl/evp.h>

#include <memory>
#include <new>
#include <stdexcept>

namespace ptproxy {
namespace {

constexpr std::size_t block_size = 16;

struct Free {
  void operator()(EVP_CIPHER_CTX* cipher) const { EVP_CIPHER_CTX_free(cipher); }
};

void run(const Secret<16>& key, std::span<const Byte, 16> iv, ByteSpan bytes, bool encrypt) {
  if (bytes.size() % block_size != 0) throw std::invalid_argument("CBC without padding takes whole blocks");
  const std::unique_ptr<EVP_CIPHER_CTX, Free> cipher(EVP_CIPHER_CTX_new());
  if (!cipher) throw std::bad_alloc();
  int written = 0;
  if (EVP_CipherInit_ex2(cipher.get(), EVP_aes_128_cbc(), key.data(), iv.data(), encrypt, nullptr) != 1 ||
      EVP_CIPHER_CTX_set_padding(cipher.get(), 0) != 1 ||
      EVP_CipherUpdate(cipher.get(), bytes.data(), &written, bytes.data(), static_cast<int>(bytes.size())) != 1)
    throw std::runtime_error("OpenSSL has no AES in cipher block chaining mode");
}

}  // namespace

void aes_128_cbc_encrypt(const Secret<16>& key, std::span<const Byte, 16> iv, ByteSpan bytes) {
  run(key, iv, bytes, true);
}

void aes_128_cbc_decrypt(const Secret<16>& key, std::span<const Byte, 16> iv, ByteSpan bytes) {
  run(key, iv, bytes, false);
}

}  // namespace ptproxy
