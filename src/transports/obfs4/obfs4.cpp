#include <ptproxy/log.h>

#include "transports/codec_transport.h"
#include "transports/obfs4/handshake.h"
#include "transports/obfs4/key_pair_pool.h"
#include "transports/probe_rules.h"

namespace ptproxy::obfs4 {
namespace {

constexpr int most_attempts = 3;

bool biased_tables(const Args& args) {
  return args.find("dist-bias") == "1";
}

class Client final : public CodecClient {
 public:
  explicit Client(Services& services) : CodecClient(services, client_limit), key_pairs_(services) {}

 private:
  Result<std::unique_ptr<TransportHandshake>> new_handshake(const Endpoint&, const Args& args, int) override {
    auto bridge = parse_bridge(args);
    auto iat_mode = parse_iat_mode(args);
    if (!bridge || !iat_mode || !*iat_mode) {
      log::warning("obfs4: {}", !bridge     ? bridge.error().text()
                                : !iat_mode ? iat_mode.error().text()
                                            : "missing argument 'iat-mode'");
      return make_error_code(Errc::bad_arguments);
    }
    const Shaping shaping(shapes_, **iat_mode, biased_tables(args));
    return std::make_unique<ClientHandshake>(*bridge, key_pairs_.take(), services_.clock.unix_seconds(), shaping,
                                             services_.random);
  }
  /// Peers up to obfs4proxy 0.0.11 read the filler bits of a representative differently: by chance a handshake with one
  /// fails at the very end, and another key may do.
  bool worth_another_attempt(const TransportHandshake&, error_code why, int attempt) override {
    if (why == asio::error::timed_out || why == Errc::unfinished_handshake)
      log::notice("obfs4: the bridge does not answer: either the cert is wrong or the clocks are hours apart");
    return why == Errc::wrong_key && attempt < most_attempts;
  }

  Shapes shapes_;
  KeyPairPool key_pairs_;
};

class Server final : public CodecServer {
 public:
  Server(Services& services, const Identity& identity, bool biased)
      : CodecServer(services, server_limit, server_limit + close_delay(identity.drbg_seed)),
        identity_(identity),
        shaping_(shapes_, identity.iat_mode, biased),
        replay_filter_(services.random, replay_memory, replay_capacity),
        key_pairs_(services) {}
  Args client_args() const override { return identity_.client_args(); }

 private:
  std::unique_ptr<TransportHandshake> new_handshake() override {
    return std::make_unique<ServerHandshake>(identity_, key_pairs_.take(), replay_filter_, services_.clock.now(),
                                             services_.clock.unix_seconds(), shaping_, services_.random);
  }

  Identity identity_;
  Shapes shapes_;
  Shaping shaping_;
  ReplayFilter replay_filter_;
  KeyPairPool key_pairs_;
};

}  // namespace

extern const TransportEntry entry{
    "obfs4",
    [](Services& services) -> Checked<std::unique_ptr<ClientTransport>> { return std::make_unique<Client>(services); },
    [](Services& services, const Args& options) -> Checked<std::unique_ptr<ServerTransport>> {
      auto identity = Identity::load(options, services.storage, services.random);
      if (!identity) return identity.error();
      return std::make_unique<Server>(services, *identity, biased_tables(options));
    },
    // All that makes a server, its secrets among it, is in the state directory then.
    [](Services& services, const Args& options, std::string_view) -> Checked<Configuration> {
      auto identity = Identity::load(options, services.storage, services.random);
      if (!identity) return identity.error();
      Configuration made;
      if (biased_tables(options)) made.server.add("dist-bias", "1");
      made.client = identity->client_args();
      return made;
    },
};

}  // namespace ptproxy::obfs4
