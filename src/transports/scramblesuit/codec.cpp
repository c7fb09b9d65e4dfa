#include "transports/scramblesuit/codec.h"

#include "transports/scramblesuit/identity.h"
#include "transports/segments.h"

#include <algorithm>
#include <utility>

namespace ptproxy::scramblesuit {
namespace {

static_assert(largest_message == segment_size);
/// Of two messages of padding, the first. obfsproxy's number.
constexpr std::size_t first_of_two = 700;

}  // namespace

Padding pad_burst(std::size_t burst_size, std::size_t target) {
  auto gap = gap_to(target, burst_size);
  if (gap < message_overhead) gap += segment_size;
  if (gap <= largest_message) return {gap, std::nullopt};
  return {first_of_two, gap - first_of_two};
}

ScrambleSuitCodec::ScrambleSuitCodec(MessageEncoder encoder, MessageDecoder decoder, const CurrentShape& shape,
                                     Random& random, OnTicket on_ticket)
    : encoder_(std::move(encoder)),
      decoder_(std::move(decoder)),
      shape_(shape),
      random_(random),
      on_ticket_(std::move(on_ticket)) {}

Result<> ScrambleSuitCodec::encode(ByteSpan plain, Burst& wire) {
  ByteView left = plain;
  while (!left.empty()) {
    const auto payload = left.first(std::min(left.size(), largest_body));
    append(wire, payload, 0);
    left = left.subspan(payload.size());
  }
  const auto padding = pad_burst(wire.size(), static_cast<std::size_t>(shape_->lengths.sample(random_)));
  append(wire, {}, padding.first - message_overhead);
  if (padding.second) append(wire, {}, *padding.second - message_overhead);
  if (shape_->delays) cut_into_segments(wire, *shape_, random_);
  return {};
}

void ScrambleSuitCodec::append(Burst& wire, ByteView payload, std::size_t padding) {
  wire.commit(encoder_.write(wire.space(), MessageType::payload, payload, padding));
}

Result<> ScrambleSuitCodec::decode(ByteSpan wire, Chunk& plain) {
  while (!wire.empty()) {
    auto message = decoder_.next(wire);
    if (!message) return message.error();
    if (!*message) return {};
    auto taken = take(**message, plain);
    if (!taken) return taken;
  }
  return {};
}

Result<> ScrambleSuitCodec::take(const Message& message, Chunk& plain) {
  const auto payload = message.payload;
  if (message.type == MessageType::payload) {
    plain.append(payload);
    return {};
  }
  if (!on_ticket_) return make_error_code(Errc::bad_message);
  if (message.type == MessageType::new_ticket) {
    if (payload.size() != Ticket::size) return make_error_code(Errc::bad_message);
    // A server sends one. Each is written to the disk, which a stream of them must not be let to wear out.
    if (!std::exchange(took_ticket_, true)) on_ticket_(Ticket(payload.first<Ticket::size>()));
    return {};
  }
  PrngSeed seed;
  if (payload.size() != seed.size()) return make_error_code(Errc::bad_message);
  std::ranges::copy(payload, seed.begin());
  shape_.reseed(shape_seed(seed));
  return {};
}

}  // namespace ptproxy::scramblesuit
