// Two transport handshakes and their codecs talking to each other, cut in every way; and whole transports in memory.
#pragma once
#include <ptproxy/log.h>

#include "support/manual_loop.h"
#include "transports/codec_transport.h"
#include "transports/registry.h"

#include <gtest/gtest.h>

#include <functional>
#include <utility>

namespace ptproxy::test {

/// advance() with the handshake's work done in place.
inline Result<Handshake::Step> advance(Handshake& handshake, ByteQueue& in, ByteQueue& out) {
  if (auto work = handshake.take_work()) work();
  for (;;) {
    const auto step = handshake.advance(in, out);
    if (!step || *step == Handshake::Step::done) return step;
    auto work = handshake.take_work();
    if (!work) return step;
    work();
  }
}

/// What a burst of this text becomes on the wire.
inline Bytes encoded(Codec& codec, std::string_view text) {
  ChunkPool chunks;
  Burst burst(chunks.borrow());
  Bytes plain(as_bytes(text).begin(), as_bytes(text).end());
  EXPECT_TRUE(codec.encode(plain, burst));
  return {burst.bytes().begin(), burst.bytes().end()};
}

/// What the codec makes of these bytes, fed in pieces; `error` is what ended it.
inline std::string decoded(Codec& codec, ByteView wire, std::size_t piece = 30000, error_code* error = nullptr) {
  ChunkPool chunks;
  std::string text;
  while (!wire.empty()) {
    const auto part = wire.first(std::min(piece, wire.size()));
    wire = wire.subspan(part.size());
    Bytes copy(part.begin(), part.end());
    Chunk plain = chunks.borrow();
    const auto done = codec.decode(copy, plain);
    text += as_text(std::as_const(plain).bytes());
    if (done) continue;
    EXPECT_TRUE(error) << done.error().message();
    if (error) *error = done.error();
    break;
  }
  return text;
}

using MakeTransportHandshake = std::function<std::unique_ptr<TransportHandshake>()>;

/// How a conversation ended: what each side's codec made of the other's burst, or why there is none.
struct Ends {
  std::string client_heard, server_heard;
  error_code client_error, server_error;
};

/// Shakes hands, everything passed on in pieces of `piece` bytes, and then each side says something.
inline Ends converse(const MakeTransportHandshake& make_client, const MakeTransportHandshake& make_server,
                     std::size_t piece) {
  class End {
   public:
    explicit End(std::unique_ptr<TransportHandshake> made) : handshake(std::move(made)) {}
    void step() {
      if (done || error) return;
      const auto next = advance(*handshake, in, out);
      if (!next) error = next.error();
      done = next && *next == Handshake::Step::done;
    }
    void hear(End& from, std::size_t piece) {
      const auto part = from.out.view().first(std::min(piece, from.out.size()));
      in.append(part);
      from.out.drop_front(part.size());
    }
    std::unique_ptr<TransportHandshake> handshake;
    ByteQueue in, out;
    bool done = false;
    error_code error;
  };
  End client(make_client()), server(make_server());
  client.step();
  server.step();
  while (!client.out.empty() || !server.out.empty()) {
    client.hear(server, piece);
    server.hear(client, piece);
    client.step();
    server.step();
  }
  Ends ends;
  ends.client_error = client.error;
  ends.server_error = server.error;
  if (!client.done || !server.done) return ends;
  const std::string up = "the client's word, " + std::string(5000, 'c'),
                    down = "the server's word, " + std::string(5000, 's');
  const auto client_codec = client.handshake->codec(), server_codec = server.handshake->codec();
  server.in.append(encoded(*client_codec, up));
  client.in.append(encoded(*server_codec, down));
  ends.server_heard = decoded(*server_codec, server.in.view(), piece);
  ends.client_heard = decoded(*client_codec, client.in.view(), piece);
  EXPECT_EQ(ends.server_heard, up) << "pieces of " << piece;
  EXPECT_EQ(ends.client_heard, down) << "pieces of " << piece;
  return ends;
}

inline void expect_conversations_in_every_slicing(const MakeTransportHandshake& make_client,
                                                  const MakeTransportHandshake& make_server) {
  for (std::size_t piece : {1, 2, 3, 7, 16, 21, 24, 100, 191, 192, 193, 1447, 1448, 1449, 100000}) {
    const auto ends = converse(make_client, make_server, piece);
    EXPECT_FALSE(ends.client_error || ends.server_error) << "pieces of " << piece;
    EXPECT_FALSE(ends.client_heard.empty() || ends.server_heard.empty()) << "pieces of " << piece;
  }
}

/// What comes back of `text` through a transport's client and server in memory, with an echo behind it.
inline std::string echoed_through(TestHouse& house, std::string_view transport, const Args& options, const Args& args,
                                  std::string_view text) {
  MemoryNetwork network(house.loop.executor());
  auto server = find_transport(transport)->make_server(house.services, options).value();
  auto client = find_transport(transport)->make_client(house.services).value();
  std::string heard;
  house.loop.spawn([&]() -> Awaitable<> {
    co_await server->serve(network, [&](StreamPtr stream) { house.loop.spawn(TestHouse::echo(std::move(stream))); });
  });
  house.loop.spawn([&]() -> Awaitable<> {
    const Endpoint bridge("192.0.2.1", 443);
    auto stream = co_await client->connect(bridge, args, network);
    EXPECT_TRUE(stream) << stream.error().message();
    if (stream) {
      auto sent = co_await (*stream)->write(house.chunk(text));
      EXPECT_TRUE(sent);
      (*stream)->shutdown_write();
      heard = co_await TestHouse::read_all(**stream);
    }
    network.close();
  });
  house.loop.run();
  return heard;
}

/// When each side gives up a peer that says nothing.
struct Silence {
  std::chrono::seconds client{-1}, server{-1};
  std::string server_said;
};
inline Silence silence(TestHouse& house, std::string_view transport, const Args& options, const Args& args) {
  MemoryNetwork to_server(house.loop.executor()), to_nobody(house.loop.executor());
  auto server = find_transport(transport)->make_server(house.services, options).value();
  auto client = find_transport(transport)->make_client(house.services).value();
  const auto begin = house.loop.seconds();
  Silence ends;
  house.loop.spawn([&]() -> Awaitable<> {
    co_await server->serve(to_server, [](StreamPtr) { ADD_FAILURE() << "a silent peer got through"; });
  });
  house.loop.spawn([&]() -> Awaitable<> {
    const Endpoint here("127.0.0.1", 1);
    auto wire = co_await to_server.dial(here);
    ends.server_said = co_await TestHouse::read_all(**wire);
    ends.server = house.loop.seconds() - begin;
    to_server.close();
  });
  house.loop.spawn([&]() -> Awaitable<> {
    const Endpoint bridge("192.0.2.1", 443);
    auto stream = co_await client->connect(bridge, args, to_nobody);
    EXPECT_EQ(stream.error(), asio::error::timed_out);
    ends.client = house.loop.seconds() - begin;
  });
  house.loop.run();
  return ends;
}

/// What the log says when a client and a server of the transport are made.
inline std::string warnings_of_starting(Services& services, std::string_view transport) {
  std::string lines;
  log::set_sink([&](log::Level level, std::string_view line) {
    if (level == log::Level::warning) lines += std::string(line) + "\n";
  });
  EXPECT_TRUE(find_transport(transport)->make_client(services));
  const auto client_lines = std::exchange(lines, "");
  EXPECT_TRUE(find_transport(transport)->make_server(services, {}));
  log::set_sink([](log::Level, std::string_view) {});
  EXPECT_EQ(client_lines, lines);
  return lines;
}

}  // namespace ptproxy::test
