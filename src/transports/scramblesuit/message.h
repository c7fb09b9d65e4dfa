#pragma once
/// \file
/// ScrambleSuit's messages: MAC (16) | total length (2) | payload length (2) | flags (1) | payload | padding. All
/// behind the MAC is encrypted, and the MAC is over what is encrypted.

#include <ptproxy/result.h>

#include "transports/scramblesuit/session_keys.h"

#include <optional>

namespace ptproxy::scramblesuit {

inline constexpr std::size_t message_mac_size = 16;
inline constexpr std::size_t message_header_size = 5;
/// What a message costs on the wire beyond its payload and padding.
inline constexpr std::size_t message_overhead = message_mac_size + message_header_size;
inline constexpr std::size_t largest_message = 1448;
/// Payload and padding together.
inline constexpr std::size_t largest_body = largest_message - message_overhead;

enum class MessageType : Byte { payload = 1, new_ticket = 2, prng_seed = 4 };

class Message {
 public:
  MessageType type;
  ByteView payload;
};

class MessageEncoder {
 public:
  explicit MessageEncoder(const DirectionKeys& keys) : cipher_(keys.cipher()), mac_key_(keys.mac_key) {}
  /// Writes a message to the front of `out` and gives its size, message_overhead + payload + padding. Payload and
  /// padding are at most largest_body.
  std::size_t write(ByteSpan out, MessageType type, ByteView payload, std::size_t padding);

 private:
  AesCtr cipher_;
  Secret<32> mac_key_;
};

class MessageDecoder {
 public:
  explicit MessageDecoder(const DirectionKeys& keys) : cipher_(keys.cipher()), mac_key_(keys.mac_key) {}
  /// Takes bytes from the front of `wire` until one message is whole and gives it; its payload stands in `wire` or in
  /// this decoder until the next call. nullopt: all of `wire` was taken and more is needed. Errc::bad_message for
  /// anything that the peer cannot have sent; nothing can be decoded after that.
  Result<std::optional<Message>> next(ByteSpan& wire);

 private:
  Result<> read_header();
  Result<Message> open(ByteSpan body);

  AesCtr cipher_;
  Secret<32> mac_key_;
  Bytes head_;  // of the message under way: MAC and encrypted header
  bool knows_lengths_ = false;
  std::size_t body_size_ = 0, payload_size_ = 0;
  Byte flags_ = 0;
  Bytes body_;    // of the message under way
  Bytes opened_;  // the last body that came in parts
};

}  // namespace ptproxy::scramblesuit
