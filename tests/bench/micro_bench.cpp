// What single pieces cost: framing, handshake, shaping, relay.
#include <benchmark/benchmark.h>

#include "io/relay.h"
#include "support/manual_loop.h"
#include "transports/obfs4/handshake.h"

#include <sodium.h>

namespace {

using namespace ptproxy;
using namespace ptproxy::obfs4;

// Picks the code that suits the processor, as the program does.
[[maybe_unused]] const int started = sodium_init();

DirectionKeys some_keys() {
  const Bytes material(72, 7);
  return DirectionKeys(std::span<const Byte, 72>(material.data(), 72));
}

class Sides {
 public:
  ChunkPool chunks;
  SeededRandom random{1};
  Shapes shapes;
  Shaping shaping{shapes, IatMode::none, false};
  Obfs4Codec sender{SeedRule::at_once, FrameEncoder(some_keys()), FrameDecoder(some_keys(), 100), {}, shaping, random};
  Obfs4Codec receiver{SeedRule::never, FrameEncoder(some_keys()), FrameDecoder(some_keys(), 100), {}, shaping, random};
};

void encode_burst(benchmark::State& state) {
  Sides sides;
  Bytes plain(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    Burst burst(sides.chunks.borrow());
    benchmark::DoNotOptimize(sides.sender.encode(plain, burst));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(encode_burst)->Arg(64)->Arg(1427)->Arg(32768);

void encode_and_decode_burst(benchmark::State& state) {
  Sides sides;
  Bytes plain(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    Burst burst(sides.chunks.borrow());
    benchmark::DoNotOptimize(sides.sender.encode(plain, burst));
    Chunk wire = burst.take();
    Chunk out = sides.chunks.borrow();
    benchmark::DoNotOptimize(sides.receiver.decode(wire.bytes(), out));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(encode_and_decode_burst)->Arg(64)->Arg(1427)->Arg(32768);

void make_key_pair(benchmark::State& state) {
  SystemRandom random;
  for (auto _ : state) benchmark::DoNotOptimize(KeyPair::generate(random));
}
BENCHMARK(make_key_pair);

void whole_handshake(benchmark::State& state) {
  SystemRandom random;
  const Identity identity(random.bytes<20>(), Secret<32>(random.bytes<32>()), random.bytes<24>(), IatMode::none);
  ReplayFilter filter(random, std::chrono::hours(3), 102400);
  Shapes shapes;
  const Shaping shaping(shapes, IatMode::none, false);
  const KeyPair client_pair = KeyPair::generate(random), server_pair = KeyPair::generate(random);
  for (auto _ : state) {
    ClientHandshake client(identity.bridge, client_pair, 0, shaping, random);
    ServerHandshake server(identity, server_pair, filter, {}, 0, shaping, random);
    ByteQueue to_client, to_server, nothing;
    benchmark::DoNotOptimize(client.advance(nothing, to_server));
    benchmark::DoNotOptimize(server.advance(to_server, to_client));
    benchmark::DoNotOptimize(client.advance(to_client, nothing));
  }
}
BENCHMARK(whole_handshake);

void make_shape(benchmark::State& state) {
  SystemRandom random;
  for (auto _ : state) benchmark::DoNotOptimize(Shape(random.bytes<24>(), {0, false, false}));
}
BENCHMARK(make_shape);

void relay_chunks(benchmark::State& state) {
  test::TestHouse house;
  auto [app, near] = test::memory_pipe(house.loop.executor());
  auto [far, bridge] = test::memory_pipe(house.loop.executor());
  start_relay(house.loop.executor(), house.loop, std::move(near), std::move(far));
  std::size_t arrived = 0;
  house.loop.spawn([&]() -> Awaitable<> {
    for (;;) {
      auto chunk = co_await bridge->read();
      if (!chunk) co_return;
      arrived += chunk->size();
    }
  });
  for (auto _ : state) {
    house.loop.spawn([&]() -> Awaitable<> {
      Chunk chunk = house.chunks.borrow();
      chunk.commit(Chunk::read_limit);
      (void)co_await app->write(std::move(chunk));
    });
    house.loop.run();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(arrived));
}
BENCHMARK(relay_chunks);

}  // namespace
