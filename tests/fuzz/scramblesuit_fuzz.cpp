// What a stranger may send to a ScrambleSuit server, to a client, and into a connection.
#include "fuzz/slices.h"
#include "transports/scramblesuit/server_handshake.h"

namespace {

using namespace ptproxy;
using namespace ptproxy::scramblesuit;

class World {
 public:
  SeededRandom random{1};
  Identity identity{Password(Bytes(20, 1)), PrngSeed{}, TicketKeys::generate(random, 0)};
  Ticket ticket = identity.ticket_keys.issue(0, random);
  ReplayFilter filter{random, std::chrono::hours(3), 16};
  Shapes shapes;
  ChunkPool chunks;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  const ByteView bytes(data, size);
  ServerHandshake server(world.identity, world.filter, ServerHandshake::TimePoint{}, 0, world.shapes, world.random);
  ByteQueue in, out;
  in.append(bytes);
  (void)server.advance(in, out);
  fuzz::require(out.empty(), "a server answers a stranger");
  fuzz::require(!server.take_work(), "a server works for a stranger");

  ClientSession session(world.shapes, false, world.random,
                        [](const Ticket&) { fuzz::require(false, "a forged ticket is kept"); });
  TicketClient client(world.ticket, 0, session);
  ByteQueue heard, hello;
  heard.append(bytes);
  const auto step = client.advance(heard, hello);
  fuzz::require(!step || *step == Handshake::Step::need_more, "a client believes a stranger");

  const auto codec = session.codec(SessionKeys(world.ticket.master_key));
  Bytes wire(bytes.begin(), bytes.end());
  Chunk plain = world.chunks.borrow();
  (void)codec->decode(wire, plain);
  fuzz::require(plain.empty(), "a forged message is delivered");
  return 0;
}
