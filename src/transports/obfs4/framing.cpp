#include "transports/obfs4/framing.h"

#include "crypto/poly1305.h"
#include "crypto/salsa20.h"

#include <sodium.h>

#include <algorithm>

namespace ptproxy::obfs4 {
namespace {

constexpr std::uint16_t smallest_length = tag_size;
constexpr std::uint16_t largest_length = segment_size - 2;

using Nonce = ByteArray<8>;

// A secretbox spends the first 32 bytes of the key stream on the Poly1305 key; the message goes on from there.
constexpr std::size_t poly_key_size = 32;

/// Room for one message behind the bytes that become its Poly1305 key, so that one run of the cipher makes both.
class Scratch {
 public:
  explicit Scratch(ByteView message) : size_(message.size()) {
    std::fill_n(bytes_.begin(), poly_key_size, Byte{0});
    std::ranges::copy(message, bytes_.begin() + poly_key_size);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { wipe(ByteSpan(bytes_).first(poly_key_size)); }
  void apply(const Secret<32>& subkey, const Nonce& nonce) {
    salsa20_xor(bytes_, poly_key_size + size_, subkey, nonce);
  }
  ByteView poly_key() const { return ByteView(bytes_).first(poly_key_size); }
  ByteView message() const { return ByteView(bytes_).subspan(poly_key_size, size_); }

 private:
  std::size_t size_;
  std::array<Byte, 2 * salsa20_run> bytes_;
  static_assert(poly_key_size + largest_payload <= 2 * salsa20_run);
};

}  // namespace

FrameKeys::FrameKeys(const DirectionKeys& keys) : drbg_(keys.drbg_seed) {
  crypto_core_hsalsa20(subkey_.data(), keys.nonce_prefix.data(), keys.key.data(), nullptr);
}

std::optional<ByteArray<8>> FrameKeys::next_nonce() {
  if (++counter_ == 0) return std::nullopt;
  Nonce nonce;
  for (std::size_t i = 0; i < nonce.size(); ++i) nonce[i] = static_cast<Byte>(counter_ >> (56 - 8 * i));
  return nonce;
}

Result<> FrameEncoder::seal(ByteSpan frame) {
  const auto nonce = keys_.next_nonce();
  if (!nonce) return make_error_code(Errc::too_long);
  const auto length = static_cast<std::uint16_t>((frame.size() - 2) ^ keys_.next_mask());
  frame[0] = static_cast<Byte>(length >> 8);
  frame[1] = static_cast<Byte>(length);
  const auto payload = frame.subspan(frame_overhead);
  Scratch box(payload);
  box.apply(keys_.subkey(), *nonce);
  std::ranges::copy(box.message(), payload.begin());
  std::ranges::copy(poly1305(box.poly_key(), payload), frame.begin() + 2);
  return {};
}

Result<std::optional<ByteView>> FrameDecoder::next(ByteSpan& wire) {
  if (length_ == 0) {
    const auto wanted = std::min(2 - pending_.size(), wire.size());
    pending_.insert(pending_.end(), wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(wanted));
    wire = wire.subspan(wanted);
    if (pending_.size() < 2) return std::nullopt;
    length_ = static_cast<std::uint16_t>((pending_[0] << 8 | pending_[1]) ^ keys_.next_mask());
    impossible_ = length_ < smallest_length || length_ > largest_length;
    if (impossible_) length_ = fallback_length_;
    pending_.clear();
  }
  ByteSpan box;
  if (pending_.empty() && wire.size() >= length_) {
    box = wire.first(length_);
    wire = wire.subspan(length_);
  } else {
    const auto wanted = std::min(length_ - pending_.size(), wire.size());
    pending_.insert(pending_.end(), wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(wanted));
    wire = wire.subspan(wanted);
    if (pending_.size() < length_) return std::nullopt;
    opened_ = std::move(pending_);
    pending_ = {};
    box = opened_;
  }
  length_ = 0;
  if (impossible_) return make_error_code(Errc::bad_message);
  auto payload = open(box);
  if (!payload) return payload.error();
  return std::optional(*payload);
}

Result<ByteView> FrameDecoder::open(ByteSpan box) {
  const auto nonce = keys_.next_nonce();
  if (!nonce) return make_error_code(Errc::too_long);
  const auto payload = box.subspan(tag_size);
  Scratch opened(payload);
  opened.apply(keys_.subkey(), *nonce);
  if (!equal_in_constant_time(poly1305(opened.poly_key(), payload), box.first(tag_size)))
    return make_error_code(Errc::bad_message);
  std::ranges::copy(opened.message(), payload.begin());
  return ByteView(payload);
}

}  // namespace ptproxy::obfs4
