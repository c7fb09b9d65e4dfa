#include "transports/obfs2/handshake.h"

#include "transports/cipher_codec.h"

#include <algorithm>

namespace ptproxy::obfs2 {
namespace {

/// What keys are for; indexed by whoever sends under them.
constexpr std::string_view padding_label[] = {"Initiator obfuscation padding", "Responder obfuscation padding"};
constexpr std::string_view data_label[] = {"Initiator obfuscated data", "Responder obfuscated data"};

constexpr int number(Side side) {
  return side == Side::initiator ? 0 : 1;
}
constexpr Side other(Side side) {
  return side == Side::initiator ? Side::responder : Side::initiator;
}

ByteArray<seed_size> seed_in(ByteView heard) {
  ByteArray<seed_size> seed;
  std::copy_n(heard.begin(), seed.size(), seed.begin());
  return seed;
}

}  // namespace

Obfs2Handshake::Obfs2Handshake(Side side, const KeyDerivation& derivation, Random& random)
    : side_(side), derivation_(derivation), random_(random), seed_(random.bytes<seed_size>()) {
  compute(own_padding_key_, [derivation = derivation_, label = padding_label[number(side_)], seed = seed_] {
    return derivation.derive(label, seed);
  });
}

/// At once where it is quick.
template <class T, class Make>
void Obfs2Handshake::compute(Computed<T>& value, Make make) {
  work_ = value.by(std::move(make));
  if (!derivation_.is_slow()) take_work()();
}

Result<Handshake::Step> Obfs2Handshake::advance(ByteQueue& in, ByteQueue& out) {
  if (!own_padding_key_.ready()) return Step::need_more;
  if (!said_) say(out);

  const auto heard = in.view();
  if (heard.size() < seed_size + header_size) return Step::need_more;
  if (!peer_padding_key_.begun())
    compute(peer_padding_key_, [derivation = derivation_, label = padding_label[number(other(side_))],
                                seed = seed_in(heard)] { return derivation.derive(label, seed); });
  if (!peer_padding_key_.ready()) return Step::need_more;
  if (!data_keys_.begun()) {
    // A wrong peer costs no more than one key.
    auto read = read_header(heard.subspan(seed_size, header_size));
    if (!read) return read.error();
    compute_data_keys(heard);
  }
  const auto all = seed_size + header_size + peer_padding_;
  if (!data_keys_.ready() || heard.size() < all) return Step::need_more;
  in.drop_front(all);
  return Step::done;
}

void Obfs2Handshake::say(ByteQueue& out) {
  said_ = true;
  const auto padding = random_.between(0, largest_padding);
  ByteQueue header;
  header.append_u32(magic);
  header.append_u32(padding);
  Bytes hidden(header_size + padding);
  std::ranges::copy(header.view(), hidden.begin());
  random_.fill(ByteSpan(hidden).subspan(header_size));
  cipher_of(*own_padding_key_).apply(hidden);
  out.append(seed_);
  out.append(hidden);
}

Result<> Obfs2Handshake::read_header(ByteView hidden) {
  ByteArray<header_size> header;
  std::ranges::copy(hidden, header.begin());
  cipher_of(*peer_padding_key_).apply(header);
  Reader reader(header);
  if (reader.u32() != magic) return make_error_code(Errc::handshake_failed);
  peer_padding_ = *reader.u32();
  if (peer_padding_ > largest_padding) return make_error_code(Errc::handshake_failed);
  return {};
}

void Obfs2Handshake::compute_data_keys(ByteView heard) {
  const auto peer_seed = seed_in(heard);
  const auto& first = side_ == Side::initiator ? seed_ : peer_seed;
  const auto& second = side_ == Side::initiator ? peer_seed : seed_;
  ByteArray<2 * seed_size> seeds;
  std::ranges::copy(second, std::ranges::copy(first, seeds.begin()).out);
  compute(data_keys_, [derivation = derivation_, seeds, side = side_] {
    return DataKeys{derivation.derive(data_label[number(side)], seeds),
                    derivation.derive(data_label[number(other(side))], seeds)};
  });
}

std::unique_ptr<Codec> Obfs2Handshake::codec() {
  return std::make_unique<CipherCodec>(cipher_of(data_keys_->outgoing), cipher_of(data_keys_->incoming));
}

}  // namespace ptproxy::obfs2
