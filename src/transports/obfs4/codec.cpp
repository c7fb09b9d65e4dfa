#include "transports/obfs4/codec.h"

#include <algorithm>
#include <utility>

namespace ptproxy::obfs4 {
namespace {

constexpr int most_draws = 64;
constexpr int most_paddings = 6;  // all of them fit behind the largest burst

/// How much padding the last packet of a burst carries. obfs4proxy pads by a packet of its own; where the same number
/// of bytes has room behind the data, that saves a frame, and looks the same.
std::size_t padding_inside(std::size_t burst_size, std::size_t data_size, std::size_t target) {
  const auto padding = pad_burst(burst_size + packet_overhead + data_size, target);
  if (!padding.first || padding.second) return 0;
  const auto gap = packet_overhead + *padding.first;
  return data_size + gap <= largest_packet_data ? gap : 0;
}

}  // namespace

Obfs4Codec::Obfs4Codec(SeedRule seed_rule, FrameEncoder encoder, FrameDecoder decoder,
                       const SipHashDrbg::Seed& length_seed, const Shaping& shaping, Random& random)
    : seed_rule_(seed_rule),
      encoder_(std::move(encoder)),
      decoder_(std::move(decoder)),
      iat_mode_(shaping.iat_mode),
      shape_(shaping.shapes, shaping.form(), length_seed),
      random_(random) {}

Result<> Obfs4Codec::encode(ByteSpan plain, Burst& wire) {
  const bool padded = iat_mode_ != IatMode::everything;
  const auto target = padded ? static_cast<std::size_t>(shape_->lengths.sample(random_)) : 0;
  ByteView left = plain;
  while (!left.empty()) {
    const auto data = left.first(std::min(left.size(), largest_packet_data));
    left = left.subspan(data.size());
    const bool last = padded && left.empty();
    auto appended = append_packet(wire, data, last ? padding_inside(wire.size(), data.size(), target) : 0);
    if (!appended) return appended;
  }
  if (!padded) return cut_into_samples(wire);
  auto appended = append_padding(wire, 0, target);
  if (appended && iat_mode_ == IatMode::segments) cut_into_segments(wire, *shape_, random_);
  return appended;
}

Result<> Obfs4Codec::append_packet(Burst& wire, ByteView data, std::size_t padding) {
  auto size = write_packet(encoder_, wire.space(), PacketType::data, data, padding);
  if (!size) return size.error();
  wire.commit(*size);
  return {};
}

Result<> Obfs4Codec::append_padding(Burst& wire, std::size_t from, std::size_t target) {
  const auto padding = pad_burst(wire.size() - from, target);
  for (const auto& size : {padding.first, padding.second}) {
    if (!size) break;
    auto appended = append_packet(wire, {}, *size);
    if (!appended) return appended;
  }
  return {};
}

Result<> Obfs4Codec::cut_into_samples(Burst& wire) {
  int paddings = 0;
  for (std::size_t begin = 0; begin < wire.size();) {
    auto target = sample_nonzero_length();
    const auto left = wire.size() - begin;
    if (left < target && ++paddings <= most_paddings) {
      auto padded = append_padding(wire, begin, target);
      if (!padded) return padded;
      // The two frames of a small gap overshoot: then it is another, longer rest to be cut.
      if (wire.size() - begin != target) continue;
    }
    begin += std::min(target, wire.size() - begin);
    wire.cut(begin, shape_->sample_delay(random_));
  }
  return {};
}

std::size_t Obfs4Codec::sample_nonzero_length() {
  for (int draw = 0; draw < most_draws; ++draw)
    if (const auto length = shape_->lengths.sample(random_); length > 0) return static_cast<std::size_t>(length);
  // The table holds little else than 0, which obfs4proxy dies of.
  return segment_size;
}

Result<> Obfs4Codec::decode(ByteSpan wire, Chunk& plain) {
  if (pending_seed_) shape_.reseed(*std::exchange(pending_seed_, {}));
  while (!wire.empty()) {
    auto payload = decoder_.next(wire);
    if (!payload) return payload.error();
    if (!*payload) break;  // the rest of the frame is still to come
    const auto packet = parse_packet(**payload);
    if (!packet) return make_error_code(Errc::bad_message);
    if (packet->type == static_cast<Byte>(PacketType::data)) {
      plain.append(packet->data);
    } else if (packet->type == static_cast<Byte>(PacketType::prng_seed)) {
      take_seed(packet->data);
    }
  }
  if (seed_rule_ == SeedRule::from_second_read) seed_rule_ = SeedRule::at_once;
  return {};
}

void Obfs4Codec::take_seed(ByteView bytes) {
  SipHashDrbg::Seed seed;
  if (seed_rule_ == SeedRule::never || bytes.size() != seed.size()) return;
  std::ranges::copy(bytes, seed.begin());
  if (seed_rule_ == SeedRule::from_second_read)
    pending_seed_ = seed;
  else
    shape_.reseed(seed);
}

}  // namespace ptproxy::obfs4
