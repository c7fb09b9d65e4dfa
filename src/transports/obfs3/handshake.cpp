#include "transports/obfs3/handshake.h"

#include "crypto/hash.h"
#include "transports/obfs3/codec.h"

#include <algorithm>

namespace ptproxy::obfs3 {
namespace {

SessionKeys::Direction direction(ByteView shared_secret, std::string_view data_label, std::string_view magic_label) {
  auto key = hmac_sha256(shared_secret, {as_bytes(data_label)});
  SessionKeys::Direction made{Secret<32>(key), hmac_sha256(shared_secret, {as_bytes(magic_label)})};
  wipe(key);
  return made;
}

}  // namespace

SessionKeys::SessionKeys(const Secret<UniformDh::key_size>& shared_secret)
    : from_initiator(direction(shared_secret.view(), "Initiator obfuscated data", "Initiator magic")),
      from_responder(direction(shared_secret.view(), "Responder obfuscated data", "Responder magic")) {}

Obfs3Handshake::Obfs3Handshake(Side side, const Secret<UniformDh::key_size>& private_key, Random& random)
    : side_(side), random_(random) {
  work_ = pair_.by([private_key] { return UniformDh(private_key); });
}

Result<Handshake::Step> Obfs3Handshake::advance(ByteQueue& in, ByteQueue& out) {
  if (!pair_.ready()) return Step::need_more;
  if (!std::exchange(said_, true)) {
    out.append(pair_->public_key());
    Bytes padding(random_.between(0, largest_padding));
    random_.fill(padding);
    out.append(padding);
  }
  if (in.size() < UniformDh::key_size) return Step::need_more;
  if (!keys_.begun()) {
    ByteArray<UniformDh::key_size> peer;
    std::copy_n(in.view().begin(), peer.size(), peer.begin());
    work_ = keys_.by([pair = *pair_, peer] { return SessionKeys(pair.shared_secret(peer)); });
  }
  if (!keys_.ready()) return Step::need_more;
  in.drop_front(UniformDh::key_size);
  return Step::done;
}

std::unique_ptr<Codec> Obfs3Handshake::codec() {
  const bool initiator = side_ == Side::initiator;
  return std::make_unique<Obfs3Codec>(initiator ? keys_->from_initiator : keys_->from_responder,
                                      initiator ? keys_->from_responder : keys_->from_initiator, random_);
}

}  // namespace ptproxy::obfs3
