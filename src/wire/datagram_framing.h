#pragma once
/// \file
/// Datagrams on a stream, and out of it again: pt-2.0-draft-1 sections 3.3.5.4 and 3.3.5.5.
///
///   length_prefix    | length, 2 bytes | payload |       any datagram, an empty one too
///   stun             | STUN message: 20-byte header with its own length, body |
///                    | ChannelData: channel, length, data | 0 to 3 zero bytes |   (RFC 8656 section 12.5)
///
/// Numbers are in network byte order. Nothing of a datagram is ever rewritten; only ChannelData's padding, which a
/// stream needs and a datagram does not, is added on the one side and taken off on the other.

#include <ptproxy/bytes.h>
#include <ptproxy/result.h>

#include <optional>

namespace ptproxy {

enum class DatagramFraming { length_prefix, stun };

/// The most that a datagram can hold (UDP over IPv6).
inline constexpr std::size_t longest_datagram = 65527;

/// What stands for one datagram on the stream: `head`, then `body`, then `padding` zero bytes.
class DatagramFrame {
 public:
  /// The two bytes of a length prefix.
  explicit DatagramFrame(std::uint16_t length, ByteView body);
  DatagramFrame(ByteView body, std::size_t padding) : body_(body), padding_(padding) {}
  ByteView head() const { return ByteView(head_).first(head_size_); }
  ByteView body() const { return body_; }
  std::size_t padding() const { return padding_; }
  std::size_t size() const { return head_size_ + body_.size() + padding_; }

 private:
  ByteArray<2> head_{};
  std::size_t head_size_ = 0;
  ByteView body_;
  std::size_t padding_ = 0;
};

/// The frame of a datagram, which outlives it; nullopt for one that this framing cannot carry: longer than
/// longest_datagram or, of STUN, neither a STUN message nor ChannelData. A message without the magic cookie counts as
/// STUN only when its type is one of RFC 3489, which had no cookie.
std::optional<DatagramFrame> frame_datagram(DatagramFraming framing, ByteView datagram);

/// Takes datagrams out of a stream that comes in pieces. Copies only a frame that comes in more than one of them.
class DatagramReader {
 public:
  explicit DatagramReader(DatagramFraming framing) : framing_(framing) {}
  /// The stream's next bytes, which outlive the calls of next(). The bytes before must have been used up.
  void feed(ByteView stream);
  /// The next whole datagram, or nullopt when the rest is too little for one. The view is good until the next feed().
  /// Errc::bad_message or Errc::too_long when no frame begins here: the stream is lost.
  Result<std::optional<ByteView>> next();

 private:
  Result<std::optional<ByteView>> finish_begun();

  DatagramFraming framing_;
  ByteView fed_;
  Bytes begun_;     // a frame that began in an earlier piece
  Bytes finished_;  // the one that was completed in this piece
};

}  // namespace ptproxy
