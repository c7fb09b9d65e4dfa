#include "transports/scramblesuit/client_handshake.h"

#include "crypto/hash.h"

#include <algorithm>

namespace ptproxy::scramblesuit {
namespace {

constexpr std::size_t smallest_answer = UniformDh::key_size + mark_size + mac_size;

}  // namespace

MasterKey master_key_of(const UniformDh& pair, std::span<const Byte, UniformDh::key_size> peer) {
  auto digest = sha256({pair.shared_secret(peer).view()});
  MasterKey master_key(digest);
  wipe(digest);
  return master_key;
}

std::unique_ptr<Codec> ClientSession::codec(const SessionKeys& keys) const {
  return std::make_unique<ScrambleSuitCodec>(MessageEncoder(keys.from_client), MessageDecoder(keys.from_server),
                                             CurrentShape(shapes, shape_form(inter_arrival), random.bytes<24>()),
                                             random, on_ticket);
}

UniformDhClient::UniformDhClient(const Password& password, const Secret<UniformDh::key_size>& private_key,
                                 std::int64_t unix_seconds, ClientSession session)
    : password_(password), epoch_hour_(epoch_hour(unix_seconds)), session_(std::move(session)) {
  work_ = pair_.by([private_key] { return UniformDh(private_key); });
}

Result<Handshake::Step> UniformDhClient::advance(ByteQueue& in, ByteQueue& out) {
  if (!pair_.ready()) return Step::need_more;
  if (!std::exchange(said_hello_, true)) {
    out.append(pair_->public_key());
    append_random(out, session_.random.between(0, largest_padding), session_.random);
    append_mark_and_mac(out, password_.view(), pair_->public_key(), epoch_hour_);
  }
  if (!master_key_.begun()) {
    auto step = read_hello(in.view().first(std::min(in.size(), largest_hello)));
    if (!step || *step == Step::need_more) return step;
  }
  if (!master_key_.ready()) return Step::need_more;
  in.drop_front(hello_size_);
  return Step::done;
}

Result<Handshake::Step> UniformDhClient::read_hello(ByteView heard) {
  if (heard.size() < smallest_answer) return Step::need_more;
  const auto key = heard.first<UniformDh::key_size>();
  if (!server_mark_) server_mark_ = hmac_sha256_128(password_.view(), {key});
  const auto end = end_of_hello(heard, *server_mark_, key.size());
  if (!end) {
    if (heard.size() == largest_hello) return make_error_code(Errc::handshake_failed);
    return Step::need_more;
  }
  if (!mac_fits(password_.view(), heard.first(*end), epoch_hour_)) return make_error_code(Errc::skewed_clock);
  hello_size_ = *end;
  ByteArray<UniformDh::key_size> peer;
  std::ranges::copy(key, peer.begin());
  work_ = master_key_.by([pair = *pair_, peer] { return master_key_of(pair, peer); });
  return Step::done;
}

TicketClient::TicketClient(const Ticket& ticket, std::int64_t unix_seconds, ClientSession session)
    : ticket_(ticket.sealed),
      keys_(ticket.master_key),
      epoch_hour_(epoch_hour(unix_seconds)),
      session_(std::move(session)) {}

Result<Handshake::Step> TicketClient::advance(ByteQueue& in, ByteQueue& out) {
  if (!std::exchange(said_hello_, true)) {
    out.append(ticket_);
    append_random(out, session_.random.between(0, largest_padding), session_.random);
    append_mark_and_mac(out, keys_.from_client.mac_key.view(), ticket_, epoch_hour_);
  }
  // Only a look: the codec reads the message again.
  const auto heard = in.view().first(std::min(in.size(), largest_message));
  Bytes copy(heard.begin(), heard.end());
  ByteSpan unread(copy);
  MessageDecoder decoder(keys_.from_server);
  auto message = decoder.next(unread);
  if (!message) return make_error_code(Errc::handshake_failed);
  return *message ? Step::done : Step::need_more;
}

}  // namespace ptproxy::scramblesuit
