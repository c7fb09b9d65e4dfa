#include "transports/obfs4/framing.h"

#include <sodium.h>

#include <algorithm>

namespace ptproxy::obfs4 {
namespace {

constexpr std::uint16_t smallest_length = tag_size;
constexpr std::uint16_t largest_length = segment_size - 2;

using Nonce = ByteArray<8>;

// A secretbox spends the first 32 bytes of the key stream on the Poly1305 key; the message goes on from there.
constexpr std::size_t poly_key_size = 32;
constexpr std::size_t block_size = 64;

/// Encrypts or decrypts `message` in place and gives the Poly1305 key.
class BoxStream {
 public:
  BoxStream(const Secret<32>& subkey, const Nonce& nonce) : subkey_(subkey), nonce_(nonce) {
    crypto_stream_salsa20(first_block_.data(), block_size, nonce.data(), subkey.data());
  }
  void apply(ByteSpan message) const {
    const auto in_first = std::min(message.size(), block_size - poly_key_size);
    for (std::size_t i = 0; i < in_first; ++i) message[i] ^= first_block_.data()[poly_key_size + i];
    const auto rest = message.subspan(in_first);
    crypto_stream_salsa20_xor_ic(rest.data(), rest.data(), rest.size(), nonce_.data(), 1, subkey_.data());
  }
  const Byte* poly_key() const { return first_block_.data(); }

 private:
  const Secret<32>& subkey_;
  const Nonce& nonce_;
  Secret<block_size> first_block_;
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
  const BoxStream stream(keys_.subkey(), *nonce);
  stream.apply(payload);
  crypto_onetimeauth(frame.data() + 2, payload.data(), payload.size(), stream.poly_key());
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
  const BoxStream stream(keys_.subkey(), *nonce);
  if (crypto_onetimeauth_verify(box.data(), payload.data(), payload.size(), stream.poly_key()) != 0)
    return make_error_code(Errc::bad_message);
  stream.apply(payload);
  return ByteView(payload);
}

}  // namespace ptproxy::obfs4
