#include "transports/obfs2/key_derivation.h"

#include "crypto/hash.h"

namespace ptproxy::obfs2 {

KeyDerivation::KeyDerivation(std::string_view shared_secret, int iterations)
    : secret_hash_(sha256({as_bytes(shared_secret)})), iterations_(iterations) {}

Secret<32> KeyDerivation::derive(std::string_view label, ByteView seeds) const {
  const ByteView secret = secret_hash_ ? secret_hash_->view() : ByteView();
  auto digest = sha256({as_bytes(label), seeds, secret, as_bytes(label)});
  for (int done = 1; done < iterations_; ++done) digest = sha256({digest});
  Secret<32> kept(digest);
  wipe(digest);
  return kept;
}

}  // namespace ptproxy::obfs2
