#include "transports/scramblesuit/server_handshake.h"

#include "crypto/hash.h"

#include <algorithm>

namespace ptproxy::scramblesuit {
namespace {

constexpr std::size_t smallest_ticket_hello = ticket_size + mark_size + mac_size;
constexpr std::size_t hello_without_padding = UniformDh::key_size + mark_size + mac_size;

/// obfs4proxy's client fails, or dies, when a segment ends within the last 16 bytes of the hello: where the first full
/// one ends, none of ours does.
bool ends_badly(std::size_t hello_size) {
  constexpr std::size_t first_segment = 1448;
  return hello_size > first_segment && hello_size <= first_segment + mac_size;
}

std::size_t draw_padding(Random& random) {
  for (;;) {
    const auto padding = random.between(0, UniformDhClient::largest_padding);
    if (!ends_badly(hello_without_padding + padding)) return padding;
  }
}

void append_message(ByteQueue& out, MessageEncoder& encoder, MessageType type, ByteView payload) {
  ByteArray<message_overhead + Ticket::size> message;
  out.append(ByteView(message).first(encoder.write(message, type, payload, 0)));
}

}  // namespace

ServerHandshake::ServerHandshake(const Identity& identity, ReplayFilter& replay_filter, TimePoint now,
                                 std::int64_t unix_seconds, Shapes& shapes, Random& random)
    : identity_(identity),
      replay_filter_(replay_filter),
      now_(now),
      unix_seconds_(unix_seconds),
      shapes_(shapes),
      random_(random) {}

Result<Handshake::Step> ServerHandshake::advance(ByteQueue& in, ByteQueue& out) {
  if (!agreement_.begun()) return read_hello(in, out);
  if (!agreement_.ready()) return Step::need_more;
  answer(out);
  return Step::done;
}

Result<Handshake::Step> ServerHandshake::read_hello(ByteQueue& in, ByteQueue& out) {
  const auto heard = in.view().first(std::min(in.size(), largest_hello));
  if (heard.size() < smallest_ticket_hello) return Step::need_more;
  if (!std::exchange(tried_ticket_, true)) {
    const auto master_key = identity_.ticket_keys.open(heard.first<ticket_size>(), unix_seconds_);
    if (master_key) ticket_session_.emplace(*master_key);
  }
  if (ticket_session_) {
    auto proven = prove(heard, ticket_session_->from_client.mac_key.view(), ticket_size);
    if (!proven) return proven.error();
    if (!*proven) return Step::need_more;
    in.drop_front((*proven)->size);
    begin_session(*ticket_session_, out);
    return Step::done;
  }
  if (heard.size() < hello_without_padding) return Step::need_more;
  auto proven = prove(heard, identity_.password.view(), UniformDh::key_size);
  if (!proven) return proven.error();
  if (!*proven) return Step::need_more;
  // A client cannot say more before it has heard us.
  if (in.size() != (*proven)->size) return make_error_code(Errc::handshake_failed);
  client_hour_ = (*proven)->hour;
  agree(heard.first(UniformDh::key_size));
  in.drop_front((*proven)->size);
  return Step::need_more;
}

Result<std::optional<ServerHandshake::Proven>> ServerHandshake::prove(ByteView heard, ByteView key,
                                                                      std::size_t marked_size) {
  if (!client_mark_) client_mark_ = hmac_sha256_128(key, {heard.first(marked_size)});
  const auto size = end_of_hello(heard, *client_mark_, marked_size);
  if (!size) {
    if (heard.size() == largest_hello) return make_error_code(Errc::handshake_failed);
    return std::nullopt;
  }
  const auto hello = heard.first(*size);
  const auto hour = hour_of_mac(key, hello, unix_seconds_);
  if (!hour) return make_error_code(Errc::skewed_clock);
  // From here on the same bytes never get a second chance, whatever follows.
  if (!replay_filter_.insert(now_, hello.last(mac_size))) return make_error_code(Errc::forbidden);
  return std::optional(Proven{*size, *hour});
}

void ServerHandshake::agree(ByteView public_key) {
  ByteArray<UniformDh::key_size> peer;
  std::ranges::copy(public_key, peer.begin());
  Secret<UniformDh::key_size> private_key;
  random_.fill(private_key.span());
  work_ = agreement_.by([private_key, peer] {
    const UniformDh pair(private_key);
    return Agreement{pair.public_key(), master_key_of(pair, peer)};
  });
}

void ServerHandshake::answer(ByteQueue& out) {
  out.append(agreement_->public_key);
  append_random(out, draw_padding(random_), random_);
  append_mark_and_mac(out, identity_.password.view(), agreement_->public_key, client_hour_);
  begin_session(SessionKeys(agreement_->master_key), out);
}

void ServerHandshake::begin_session(const SessionKeys& keys, ByteQueue& out) {
  encoder_.emplace(keys.from_server);
  decoder_.emplace(keys.from_client);
  const auto ticket = identity_.ticket_keys.issue(unix_seconds_, random_);
  append_message(out, *encoder_, MessageType::new_ticket, ticket.bytes().view());
  append_message(out, *encoder_, MessageType::prng_seed, identity_.prng_seed);
}

std::unique_ptr<Codec> ServerHandshake::codec() {
  const CurrentShape shape(shapes_, shape_form(identity_.inter_arrival), shape_seed(identity_.prng_seed));
  return std::make_unique<ScrambleSuitCodec>(std::move(*encoder_), std::move(*decoder_), shape, random_, nullptr);
}

}  // namespace ptproxy::scramblesuit
