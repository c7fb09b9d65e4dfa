#include "transports/obfs4/handshake.h"

#include "crypto/hash.h"

#include <algorithm>

namespace ptproxy::obfs4 {
namespace {

constexpr std::uint16_t smallest_fallback = 16, largest_fallback = 1446;

Representative representative_in(ByteView hello) {
  Representative representative;
  std::copy_n(hello.begin(), representative.size(), representative.begin());
  return representative;
}

FrameDecoder make_decoder(const DirectionKeys& keys, Random& random) {
  return {keys, static_cast<std::uint16_t>(random.between(smallest_fallback, largest_fallback))};
}

}  // namespace

ClientHandshake::ClientHandshake(const Bridge& bridge, const KeyPair& key_pair, std::int64_t unix_seconds,
                                 const Shaping& shaping, Random& random)
    : bridge_(bridge), key_pair_(key_pair), epoch_hour_(epoch_hour(unix_seconds)), shaping_(shaping), random_(random) {}

Result<Handshake::Step> ClientHandshake::advance(ByteQueue& in, ByteQueue& out) {
  if (!said_hello_) say_hello(out);
  return read_hello(in);
}

void ClientHandshake::say_hello(ByteQueue& out) {
  said_hello_ = true;
  const auto key = bridge_.mac_key();
  out.append(key_pair_.representative);
  append_random(out, random_.between(client_padding_min, client_padding_max), random_);
  append_mark_and_mac(out, key, key_pair_.representative, epoch_hour_);
}

Result<Handshake::Step> ClientHandshake::read_hello(ByteQueue& in) {
  const auto heard = in.view().first(std::min(in.size(), largest_hello));
  if (heard.size() < server_hello_min) return Step::need_more;
  const auto key = bridge_.mac_key();
  if (!server_mark_) server_mark_ = hmac_sha256_128(key, {heard.first(32)});

  const auto hello_size = end_of_hello(heard, *server_mark_, 64);
  if (!hello_size) {
    if (heard.size() == largest_hello) return make_error_code(Errc::handshake_failed);
    return Step::need_more;
  }
  // Who could write the mark knows the cert: what does not fit is the hour.
  if (!mac_fits(key, heard.first(*hello_size), epoch_hour_)) return make_error_code(Errc::skewed_clock);

  const auto secrets =
      ntor_client(key_pair_, public_key_of(representative_in(heard)), bridge_.public_key, bridge_.node_id);
  if (!secrets) return make_error_code(Errc::handshake_failed);
  if (!equal_in_constant_time(secrets->auth, heard.subspan(32, 32))) return make_error_code(Errc::wrong_key);
  keys_.emplace(secrets->key_seed);
  in.drop_front(*hello_size);
  heard_more_ = !in.empty();
  return Step::done;
}

std::unique_ptr<Codec> ClientHandshake::codec() {
  const auto seed_rule = heard_more_ ? SeedRule::from_second_read : SeedRule::at_once;
  return std::make_unique<Obfs4Codec>(seed_rule, FrameEncoder(keys_->client_to_server),
                                      make_decoder(keys_->server_to_client, random_), random_.bytes<24>(), shaping_,
                                      random_);
}

ServerHandshake::ServerHandshake(const Identity& identity, const KeyPair& key_pair, ReplayFilter& replay_filter,
                                 TimePoint now, std::int64_t unix_seconds, const Shaping& shaping, Random& random)
    : identity_(identity),
      key_pair_(key_pair),
      replay_filter_(replay_filter),
      now_(now),
      unix_seconds_(unix_seconds),
      shaping_(shaping),
      random_(random) {}

Result<Handshake::Step> ServerHandshake::advance(ByteQueue& in, ByteQueue& out) {
  // A right hello ends where the data ends, for the client cannot say more yet: the mark is looked for only there.
  const auto hello = in.view().first(std::min(in.size(), largest_hello));
  if (hello.size() < client_hello_min + client_padding_min) return Step::need_more;
  if (!client_mark_) client_mark_ = hmac_sha256_128(identity_.bridge.mac_key(), {hello.first(32)});
  if (!equal_in_constant_time(hello.last(mark_size + mac_size).first(mark_size), *client_mark_)) {
    if (hello.size() == largest_hello) return make_error_code(Errc::handshake_failed);
    return Step::need_more;
  }
  const auto client_hour = hour_of_mac(identity_.bridge.mac_key(), hello, unix_seconds_);
  if (!client_hour) return make_error_code(Errc::skewed_clock);
  // From here on the same bytes never get a second chance, whatever follows.
  if (!replay_filter_.insert(now_, hello.last(mac_size))) return make_error_code(Errc::forbidden);
  if (in.size() != hello.size()) return make_error_code(Errc::handshake_failed);
  auto answered = answer(public_key_of(representative_in(hello)), *client_hour, out);
  if (!answered) return answered.error();
  in.drop_front(hello.size());
  return Step::done;
}

Result<> ServerHandshake::answer(const PublicKey& client, const std::string& client_hour, ByteQueue& out) {
  const auto secrets =
      ntor_server(key_pair_, client, identity_.private_key, identity_.bridge.public_key, identity_.bridge.node_id);
  if (!secrets) return make_error_code(Errc::handshake_failed);
  keys_.emplace(secrets->key_seed);
  encoder_.emplace(keys_->server_to_client);

  ByteArray<seed_frame_size> seed_frame;
  auto sealed = write_packet(*encoder_, seed_frame, PacketType::prng_seed, identity_.drbg_seed, 0);
  if (!sealed) return sealed.error();
  out.append(key_pair_.representative);
  out.append(secrets->auth);
  append_random(out, random_.between(server_padding_min, server_padding_max), random_);
  append_mark_and_mac(out, identity_.bridge.mac_key(), key_pair_.representative, client_hour);
  out.append(seed_frame);
  return {};
}

std::unique_ptr<Codec> ServerHandshake::codec() {
  return std::make_unique<Obfs4Codec>(SeedRule::never, *encoder_, make_decoder(keys_->client_to_server, random_),
                                      identity_.drbg_seed, shaping_, random_);
}

}  // namespace ptproxy::obfs4
