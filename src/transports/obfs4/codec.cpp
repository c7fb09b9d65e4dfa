#include "transports/obfs4/codec.h"

#include <algorithm>

namespace ptproxy::obfs4 {
namespace {

constexpr std::chrono::microseconds delay_step{100};
constexpr int most_draws = 64;
constexpr int most_paddings = 6;  // all of them fit behind the largest burst

}  // namespace

Obfs4Codec::Obfs4Codec(Side side, FrameEncoder encoder, FrameDecoder decoder, const SipHashDrbg::Seed& length_seed,
                       const Shaping& shaping, Random& random)
    : side_(side),
      encoder_(std::move(encoder)),
      decoder_(std::move(decoder)),
      length_seed_(length_seed),
      shaping_(shaping),
      random_(random) {}

const Shape& Obfs4Codec::shape() {
  if (!shape_) shape_ = shaping_.shapes.of(length_seed_, shaping_.iat_mode, shaping_.biased);
  return *shape_;
}

Result<> Obfs4Codec::encode(ByteSpan plain, Burst& wire) {
  ByteView left = plain;
  while (!left.empty()) {
    const auto data = left.first(std::min(left.size(), largest_packet_data));
    auto appended = append_packet(wire, data, 0);
    if (!appended) return appended;
    left = left.subspan(data.size());
  }
  if (shaping_.iat_mode == IatMode::everything) return cut_into_samples(wire);
  const auto target = static_cast<std::size_t>(shape().lengths.sample(random_));
  auto padded = append_padding(wire, 0, target);
  if (!padded || shaping_.iat_mode == IatMode::none) return padded;
  return cut_into_segments(wire);
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

Result<> Obfs4Codec::cut_into_segments(Burst& wire) {
  for (std::size_t end = 0; end < wire.size();) {
    end = std::min(end + segment_size, wire.size());
    wire.cut(end, sample_delay());
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
    wire.cut(begin, sample_delay());
  }
  return {};
}

std::size_t Obfs4Codec::sample_nonzero_length() {
  for (int draw = 0; draw < most_draws; ++draw)
    if (const auto length = shape().lengths.sample(random_); length > 0) return static_cast<std::size_t>(length);
  // The table holds little else than 0, which obfs4proxy dies of.
  return segment_size;
}

std::chrono::microseconds Obfs4Codec::sample_delay() {
  return shape().delays->sample(random_) * delay_step;
}

Result<> Obfs4Codec::decode(ByteSpan wire, Chunk& plain) {
  while (!wire.empty()) {
    auto payload = decoder_.next(wire);
    if (!payload) return payload.error();
    if (!*payload) return {};
    const auto packet = parse_packet(**payload);
    if (!packet) return make_error_code(Errc::bad_message);
    if (packet->type == static_cast<Byte>(PacketType::data)) {
      plain.append(packet->data);
    } else if (packet->type == static_cast<Byte>(PacketType::prng_seed) && side_ == Side::client &&
               packet->data.size() == length_seed_.size()) {
      std::ranges::copy(packet->data, length_seed_.begin());
      shape_.reset();
    }
  }
  return {};
}

}  // namespace ptproxy::obfs4
