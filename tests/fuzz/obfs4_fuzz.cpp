// What a stranger may send to an obfs4 server, to a client, and into a connection.
#include "fuzz/slices.h"
#include "transports/obfs4/handshake.h"

namespace {

using namespace ptproxy;
using namespace ptproxy::obfs4;

class World {
 public:
  SeededRandom random{1};
  Identity identity{NodeId{}, Secret<32>(Bytes(32, 1)), SipHashDrbg::Seed{}, IatMode::none};
  KeyPair pair = KeyPair::generate(random);
  ReplayFilter filter{random, std::chrono::hours(3), 16};
  Shapes shapes;
  Shaping shaping{shapes, IatMode::none, false};
  ChunkPool chunks;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  const ByteView bytes(data, size);
  auto make_server = [] {
    return std::make_unique<ServerHandshake>(world.identity, world.pair, world.filter, ServerHandshake::TimePoint{}, 0,
                                             world.shaping, world.random);
  };
  ByteQueue in, out;
  in.append(bytes);
  auto server = make_server();
  (void)server->advance(in, out);
  fuzz::require(out.empty(), "a server answers a stranger");

  ClientHandshake client(world.identity.bridge, world.pair, 0, world.shaping, world.random);
  ByteQueue heard, hello;
  heard.append(bytes);
  const auto step = client.advance(heard, hello);
  fuzz::require(!step || *step == Handshake::Step::need_more, "a client believes a stranger");

  const DirectionKeys keys(std::span<const Byte, 72>(Bytes(72, 1).data(), 72));
  Obfs4Codec codec(SeedRule::at_once, FrameEncoder(keys), FrameDecoder(keys, 100), {}, world.shaping, world.random);
  Bytes wire(bytes.begin(), bytes.end());
  Chunk plain = world.chunks.borrow();
  (void)codec.decode(wire, plain);
  fuzz::require(plain.empty(), "a forged frame is delivered");
  return 0;
}
