#include "transports/scramblesuit/message.h"

#include "crypto/hash.h"

#include <algorithm>

namespace ptproxy::scramblesuit {
namespace {

/// Moves bytes from the front of `from` until `to` has `size`; false when they do not suffice.
bool fill(Bytes& to, std::size_t size, ByteSpan& from) {
  const auto wanted = std::min(size - to.size(), from.size());
  to.insert(to.end(), from.begin(), from.begin() + static_cast<std::ptrdiff_t>(wanted));
  from = from.subspan(wanted);
  return to.size() == size;
}

}  // namespace

std::size_t MessageEncoder::write(ByteSpan out, MessageType type, ByteView payload, std::size_t padding) {
  const auto message = out.first(message_overhead + payload.size() + padding);
  const auto hidden = message.subspan(message_mac_size);
  const auto body_size = payload.size() + padding;
  hidden[0] = static_cast<Byte>(body_size >> 8);
  hidden[1] = static_cast<Byte>(body_size);
  hidden[2] = static_cast<Byte>(payload.size() >> 8);
  hidden[3] = static_cast<Byte>(payload.size());
  hidden[4] = static_cast<Byte>(type);
  const auto end = std::ranges::copy(payload, hidden.begin() + message_header_size).out;
  std::fill(end, hidden.end(), Byte{0});
  cipher_.apply(hidden);
  std::ranges::copy(hmac_sha256_128(mac_key_.view(), {hidden}), message.begin());
  return message.size();
}

Result<std::optional<Message>> MessageDecoder::next(ByteSpan& wire) {
  if (!knows_lengths_) {
    if (!fill(head_, message_overhead, wire)) return std::nullopt;
    auto read = read_header();
    if (!read) return read.error();
  }
  ByteSpan body;
  if (body_.empty() && wire.size() >= body_size_) {
    body = wire.first(body_size_);
    wire = wire.subspan(body_size_);
  } else {
    body_.reserve(body_size_);
    if (!fill(body_, body_size_, wire)) return std::nullopt;
    opened_ = std::exchange(body_, {});
    body = opened_;
  }
  auto message = open(body);
  if (!message) return message.error();
  head_.clear();
  knows_lengths_ = false;
  return std::optional(*message);
}

/// The lengths have to be believed before the MAC over them can be checked.
Result<> MessageDecoder::read_header() {
  ByteArray<message_header_size> header;
  std::ranges::copy(ByteView(head_).last(header.size()), header.begin());
  cipher_.apply(header);
  Reader reader(header);
  body_size_ = *reader.u16();
  payload_size_ = *reader.u16();
  flags_ = *reader.u8();
  if (body_size_ > largest_body || payload_size_ > body_size_) return make_error_code(Errc::bad_message);
  knows_lengths_ = true;
  return {};
}

Result<Message> MessageDecoder::open(ByteSpan body) {
  const auto head = ByteView(head_);
  const auto mac = hmac_sha256_128(mac_key_.view(), {head.last(message_header_size), body});
  if (!equal_in_constant_time(mac, head.first(message_mac_size))) return make_error_code(Errc::bad_message);
  cipher_.apply(body);
  const auto type = static_cast<MessageType>(flags_);
  if (type != MessageType::payload && type != MessageType::new_ticket && type != MessageType::prng_seed)
    return make_error_code(Errc::bad_message);
  return Message{type, body.first(payload_size_)};
}

}  // namespace ptproxy::scramblesuit
