// What a stranger may send to either side of obfs2 and obfs3, which answer everybody.
#include "fuzz/slices.h"
#include "transports/obfs2/handshake.h"
#include "transports/obfs3/codec.h"

namespace {

using namespace ptproxy;

/// A handshake with randomness of its own, the same each time.
template <class Handshake>
class Seeded final : public ptproxy::Handshake {
 public:
  template <class Make>
  explicit Seeded(Make make) : handshake_(make(random_)) {}
  Result<Step> advance(ByteQueue& in, ByteQueue& out) override {
    for (;;) {
      if (auto work = handshake_->take_work()) work();
      const auto step = handshake_->advance(in, out);
      auto work = handshake_->take_work();
      if (!step || !work) return step;
      work();
    }
  }

 private:
  SeededRandom random_{1};
  std::unique_ptr<Handshake> handshake_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  for (auto side : {obfs2::Side::initiator, obfs2::Side::responder})
    fuzz::whole_equals_slices(
        [side] {
          return std::make_unique<Seeded<obfs2::Obfs2Handshake>>([side](Random& random) {
            return std::make_unique<obfs2::Obfs2Handshake>(side, obfs2::KeyDerivation(), random);
          });
        },
        bytes);

  static const obfs3::SessionKeys keys{Secret<192>()};
  static SeededRandom random(1);
  static ChunkPool chunks;
  obfs3::Obfs3Codec codec(keys.from_initiator, keys.from_responder, random);
  Bytes wire(bytes.begin(), bytes.end());
  Chunk plain = chunks.borrow();
  (void)codec.decode(wire, plain);
  fuzz::require(plain.empty(), "bytes are delivered without the magic value");
  return 0;
}
