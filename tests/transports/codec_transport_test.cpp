#include "transports/codec_transport.h"

#include <ptproxy/log.h>

#include "support/manual_loop.h"
#include "transports/registry.h"

#include <gtest/gtest.h>

namespace ptproxy {
namespace {

using namespace std::chrono_literals;

/// obfs4 stands for all that has a handshake; its own rules are 30 s, then up to 59 s of silence, and 60 s for clients.
class CodecTransportTest : public ::testing::Test, protected test::TestHouse {
 protected:
  CodecTransportTest() : TestHouse("/nonexistent") {}
  const TransportEntry& obfs4 = *find_transport("obfs4");
  std::unique_ptr<ClientTransport> client = obfs4.make_client(services).value();
  Args args =
      Args().add("cert", "AAECAwQFBgcICQoLDA0ODxAREhOPQMWtto8lYkrlshTqdnpuyU2CnT17XhrRum8+ITgoXw").add("iat-mode", "0");
  test::MemoryNetwork network{loop.executor()};
  Endpoint bridge{"192.0.2.1", 443};
  error_code why;

  void connect(const Args& with) {
    loop.spawn([this, with]() -> Awaitable<> {
      auto stream = co_await client->connect(bridge, with, network);
      if (!stream) why = stream.error();
    });
    loop.run();
  }
};

TEST_F(CodecTransportTest, AClientGivesUpOnASilentBridge) {
  connect(args);
  EXPECT_EQ(why, asio::error::timed_out);
  EXPECT_EQ(loop.seconds(), 60s);
  EXPECT_EQ(network.dialled(), 1);
}

TEST_F(CodecTransportTest, AClientDialsNobodyWithBadArguments) {
  for (const Args& bad : {Args(), Args().add("iat-mode", "0"), Args().add("cert", "short").add("iat-mode", "0"),
                          Args().add("cert", *args.find("cert") == "" ? "" : std::string(*args.find("cert")))}) {
    connect(bad);
    EXPECT_EQ(why, Errc::bad_arguments);
  }
  EXPECT_EQ(network.dialled(), 0);
}

TEST_F(CodecTransportTest, AClientTellsAHangUpFromARefusedConnection) {
  loop.spawn([this]() -> Awaitable<> {
    auto stream = co_await network.accept();
    (void)co_await (*stream)->read();
  });
  connect(args);
  EXPECT_EQ(why, Errc::unfinished_handshake);
}

class CodecServerTest : public ::testing::Test, protected test::TestHouse {
 protected:
  class Server final : public CodecServer {
   public:
    explicit Server(Services& services) : CodecServer(services, 30s, 45s) {}
    int made = 0;

   private:
    class Password final : public TransportHandshake {
     public:
      Result<Step> advance(ByteQueue& in, ByteQueue&) override {
        if (in.size() < 6) return Step::need_more;
        if (as_text(in.view().first(6)) == "earlie") return make_error_code(Errc::skewed_clock);
        if (as_text(in.view().first(6)) != "sesame") return make_error_code(Errc::handshake_failed);
        in.drop_front(6);
        return Step::done;
      }
      std::unique_ptr<Codec> codec() override { return std::make_unique<Same>(); }
    };
    class Same final : public Codec {
      Result<> encode(ByteSpan plain, Burst& wire) override {
        wire.append(plain);
        return {};
      }
      Result<> decode(ByteSpan wire, Chunk& plain) override {
        plain.append(wire);
        return {};
      }
    };
    std::unique_ptr<TransportHandshake> new_handshake() override {
      ++made;
      return std::make_unique<Password>();
    }
  };

  void say(std::string words, bool end = false) {
    loop.spawn([this]() -> Awaitable<> {
      co_await server.serve(network, [this](StreamPtr stream) {
        ++streams;
        loop.spawn(echo(std::move(stream)));
      });
    });
    loop.spawn([this, words = std::move(words), end]() -> Awaitable<> {
      const Endpoint here("127.0.0.1", 1);
      auto wire = co_await network.dial(here);
      (void)co_await (*wire)->write(chunk(words));
      if (end) (*wire)->shutdown_write();
      heard = co_await read_all(**wire);
      ended = loop.seconds();
    });
    loop.run();
  }
  test::MemoryNetwork network{loop.executor()};
  Server server{services};
  std::string heard;
  std::chrono::seconds ended{-1};
  int streams = 0;
};

TEST_F(CodecServerTest, HandsOnWhatStandsBehindTheHandshake) {
  say("sesameopen", true);
  EXPECT_EQ(heard, "open");
  EXPECT_EQ(streams, 1);
}

TEST_F(CodecServerTest, SwallowsAProbeUntilTheEndAndAnswersNothing) {
  say("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(heard, "");
  EXPECT_EQ(ended, 45s);
  EXPECT_EQ(streams, 0);
  EXPECT_EQ(chunks.lent(), 0u);
}

TEST_F(CodecServerTest, TreatsASilentPeerLikeAnyProbe) {
  say("");
  EXPECT_EQ(ended, 45s);
  EXPECT_EQ(streams, 0);
}

TEST_F(CodecServerTest, WarnsOnceThatClocksDiffer) {
  std::vector<std::string> lines;
  log::set_sink([&](log::Level level, std::string_view line) {
    if (level == log::Level::warning) lines.emplace_back(line);
  });
  say("nonsense", true);
  EXPECT_TRUE(lines.empty());
  for (int i = 0; i < 3; ++i) say("earlier", true);
  log::set_sink([](log::Level, std::string_view) {});
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("clock"), std::string::npos);
}

TEST_F(CodecServerTest, LetsAProbeGoThatLeaves) {
  say("nonsense", true);
  EXPECT_EQ(heard, "");
  EXPECT_EQ(ended, 0s);
}

}  // namespace
}  // namespace ptproxy
