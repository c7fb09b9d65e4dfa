#pragma once
/// \file
/// obfs4's frames: a masked length, then a NaCl secretbox (XSalsa20-Poly1305) whose nonce counts frames.

#include <ptproxy/bytes.h>
#include <ptproxy/result.h>

#include "crypto/ntor.h"
#include "crypto/siphash_drbg.h"
#include "transports/segments.h"

#include <optional>

namespace ptproxy::obfs4 {

inline constexpr std::size_t tag_size = 16;
inline constexpr std::size_t frame_overhead = 2 + tag_size;
inline constexpr std::size_t largest_payload = segment_size - frame_overhead;

/// Nonces, subkey and length masks of one direction.
class FrameKeys {
 public:
  explicit FrameKeys(const DirectionKeys& keys);
  /// The mask of the next frame's length.
  std::uint16_t next_mask() { return drbg_.next_mask(); }
  /// The nonce of the next frame, counted from 1; nullopt when the counter would come round.
  std::optional<ByteArray<8>> next_nonce();
  const Secret<32>& subkey() const { return subkey_; }

 private:
  Secret<32> subkey_;  // of Salsa20: HSalsa20 of the key and the nonce's first 16 bytes, which never change
  std::uint64_t counter_ = 0;
  SipHashDrbg drbg_;
};

class FrameEncoder {
 public:
  explicit FrameEncoder(const DirectionKeys& keys) : keys_(keys) {}
  /// Turns `frame`, whose payload (at most largest_payload bytes) stands behind frame_overhead bytes of room, into what
  /// goes out.
  Result<> seal(ByteSpan frame);

 private:
  FrameKeys keys_;
};

class FrameDecoder {
 public:
  /// `fallback_length` is what a frame with an impossible length is taken to have, 16 ... 1446: the connection then
  /// ends after that many bytes and not at once, so that nobody learns where the length stands.
  FrameDecoder(const DirectionKeys& keys, std::uint16_t fallback_length)
      : keys_(keys), fallback_length_(fallback_length) {}

  /// Takes bytes from the front of `wire` until one frame is whole and gives its payload, which stands in `wire` or in
  /// this decoder until the next call. nullopt: all of `wire` was taken and more is needed.
  Result<std::optional<ByteView>> next(ByteSpan& wire);

 private:
  Result<ByteView> open(ByteSpan box);

  FrameKeys keys_;
  std::uint16_t fallback_length_;
  std::uint16_t length_ = 0;  // of the frame under way; 0: not known yet
  bool impossible_ = false;
  Bytes pending_;  // of the frame under way: the length's first byte, or a part of the box
  Bytes opened_;   // the last box that came in parts
};

}  // namespace ptproxy::obfs4
