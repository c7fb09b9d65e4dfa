#include "transports/obfs3/codec.h"

#include <algorithm>

namespace ptproxy::obfs3 {

Obfs3Codec::Obfs3Codec(const SessionKeys::Direction& outgoing, const SessionKeys::Direction& incoming, Random& random)
    : cipher_(cipher_of(outgoing.key_and_counter), cipher_of(incoming.key_and_counter)),
      own_magic_(outgoing.magic),
      peer_magic_(incoming.magic),
      random_(random) {}

Result<> Obfs3Codec::encode(ByteSpan plain, Burst& wire) {
  if (!std::exchange(said_magic_, true)) {
    const auto padding = random_.between(0, largest_padding);
    random_.fill(wire.space().first(padding));
    wire.commit(padding);
    wire.append(own_magic_);
  }
  return cipher_.encode(plain, wire);
}

Result<> Obfs3Codec::decode(ByteSpan wire, Chunk& plain) {
  if (!heard_magic_) {
    auto found = find_magic(wire);
    if (!found) return found;
    if (!heard_magic_) return {};
  }
  return cipher_.decode(wire, plain);
}

Result<> Obfs3Codec::find_magic(ByteSpan& wire) {
  constexpr std::size_t most = 2 * largest_padding + magic_size;
  const auto before = searched_.size();
  const auto taken = std::min(most - before, wire.size());
  searched_.insert(searched_.end(), wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(taken));

  const auto from = searched_.begin() + static_cast<std::ptrdiff_t>(before - std::min(before, magic_size - 1));
  const auto found = std::search(from, searched_.end(), peer_magic_.begin(), peer_magic_.end());
  if (found == searched_.end()) {
    if (searched_.size() == most) return make_error_code(Errc::bad_message);
    return {};
  }
  const auto end = static_cast<std::size_t>(found - searched_.begin()) + magic_size;
  wire = wire.subspan(end - before);
  searched_ = Bytes();
  heard_magic_ = true;
  return {};
}

}  // namespace ptproxy::obfs3
