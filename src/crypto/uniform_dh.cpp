#include "crypto/uniform_dh.h"

#include <openssl/bn.h>

#include <memory>
#include <new>

namespace ptproxy {
namespace {

constexpr int key_bytes = UniformDh::key_size;

struct Free {
  void operator()(BIGNUM* number) const { BN_clear_free(number); }
  void operator()(BN_CTX* scratch) const { BN_CTX_free(scratch); }
  void operator()(BN_MONT_CTX* montgomery) const { BN_MONT_CTX_free(montgomery); }
};
using Number = std::unique_ptr<BIGNUM, Free>;
using Scratch = std::unique_ptr<BN_CTX, Free>;

/// For calls into OpenSSL that fail only when there is no memory.
template <class T>
T need(T result) {
  if (!result) throw std::bad_alloc();
  return result;
}

Number number_from(ByteView bytes) {
  return Number(need(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr)));
}

/// The prime and what the multiplications want to know of it, made once and then only read.
class Group {
 public:
  Group() : prime_(need(BN_get_rfc3526_prime_1536(nullptr))), montgomery_(need(BN_MONT_CTX_new())) {
    const Scratch scratch(need(BN_CTX_new()));
    need(BN_MONT_CTX_set(montgomery_.get(), prime_.get(), scratch.get()));
  }
  static const Group& get() {
    static const Group group;
    return group;
  }

  /// base^exponent, in a time that does not depend on the exponent's value.
  Number power(const Number& base, const Secret<UniformDh::key_size>& exponent) const {
    const Scratch scratch(need(BN_CTX_new()));
    const auto secret = number_from(exponent.view());
    Number result(need(BN_new()));
    need(BN_mod_exp_mont_consttime(result.get(), base.get(), secret.get(), prime_.get(), scratch.get(),
                                   montgomery_.get()));
    return result;
  }

  /// p - number.
  Number negated(const Number& number) const {
    Number result(need(BN_new()));
    need(BN_sub(result.get(), prime_.get(), number.get()));
    return result;
  }

 private:
  Number prime_;
  std::unique_ptr<BN_MONT_CTX, Free> montgomery_;
};

void write(const Number& number, ByteSpan out) {
  if (BN_bn2binpad(number.get(), out.data(), key_bytes) != key_bytes) throw std::bad_alloc();
}

}  // namespace

UniformDh::UniformDh(const Secret<key_size>& random_bytes) : exponent_(random_bytes) {
  Byte& lowest = exponent_.data()[key_size - 1];
  const auto mask = static_cast<Byte>(0 - (lowest & 1));
  lowest &= 0xfe;

  const Number generator(need(BN_new()));
  need(BN_set_word(generator.get(), 2));
  const auto& group = Group::get();
  const auto power = group.power(generator, exponent_);
  ByteArray<key_size> negated;
  write(power, public_key_);
  write(group.negated(power), negated);
  // Both forms are made and one is picked by mask, so that either takes the same time.
  for (std::size_t i = 0; i < key_size; ++i)
    public_key_[i] = static_cast<Byte>((public_key_[i] & ~mask) | (negated[i] & mask));
}

UniformDh UniformDh::generate(Random& random) {
  Secret<key_size> bytes;
  random.fill(bytes.span());
  return UniformDh(bytes);
}

Secret<UniformDh::key_size> UniformDh::shared_secret(std::span<const Byte, key_size> peer) const {
  const auto power = Group::get().power(number_from(peer), exponent_);
  Secret<key_size> secret;
  write(power, secret.span());
  return secret;
}

}  // namespace ptproxy
