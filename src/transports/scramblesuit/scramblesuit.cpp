#include <ptproxy/log.h>

#include "transports/probe_rules.h"
#include "transports/scramblesuit/server_handshake.h"
#include "transports/scramblesuit/ticket_store.h"

namespace ptproxy::scramblesuit {
namespace {

class Client final : public CodecClient {
 public:
  Client(Services& services, TicketStore store) : CodecClient(services, client_limit), store_(std::move(store)) {}

 private:
  Result<std::unique_ptr<TransportHandshake>> new_handshake(const Endpoint& bridge, const Args& args,
                                                            int attempt) override {
    const auto password = find_password(args);
    const auto inter_arrival = find_inter_arrival(args);
    if (!password || !*password || !inter_arrival) {
      log::warning("scramblesuit: {}", !password        ? password.error().text()
                                       : !inter_arrival ? inter_arrival.error().text()
                                                        : "missing argument 'password'");
      return make_error_code(Errc::bad_arguments);
    }
    const auto now = services_.clock.unix_seconds();
    ClientSession session(shapes_, *inter_arrival, services_.random, [this, bridge](const Ticket& ticket) {
      store_.put(bridge, ticket, services_.clock.unix_seconds());
    });
    if (attempt == 1)
      if (const auto ticket = store_.take(bridge, now))
        return std::make_unique<TicketClient>(*ticket, now, std::move(session));
    Secret<UniformDh::key_size> private_key;
    services_.random.fill(private_key.span());
    return std::make_unique<UniformDhClient>(**password, private_key, now, std::move(session));
  }
  /// A server that has lost its ticket keys says nothing to a ticket, but still knows its password.
  bool worth_another_attempt(const TransportHandshake& failed, error_code why, int) override {
    if (dynamic_cast<const TicketClient*>(&failed)) return why != asio::error::operation_aborted;
    if (why == asio::error::timed_out || why == Errc::unfinished_handshake)
      log::notice(
          "scramblesuit: the bridge does not answer: either the password is wrong or the clocks are hours apart");
    return false;
  }

  TicketStore store_;
  Shapes shapes_;
};

class Server final : public CodecServer {
 public:
  Server(Services& services, const Identity& identity)
      : CodecServer(services, server_limit, server_limit + close_delay(shape_seed(identity.prng_seed))),
        identity_(identity),
        replay_filter_(services.random, replay_memory, replay_capacity) {}
  Args client_args() const override { return identity_.client_args(); }

 private:
  std::unique_ptr<TransportHandshake> new_handshake() override {
    const auto now = services_.clock.unix_seconds();
    if (identity_.ticket_keys.rotate(now, services_.random)) unsaved_ = true;
    if (unsaved_ && now >= save_from_) save(now);
    return std::make_unique<ServerHandshake>(identity_, replay_filter_, services_.clock.now(), now, shapes_,
                                             services_.random);
  }

  /// Without the keys in the file, clients would hold worthless tickets after a restart.
  void save(std::int64_t now) {
    auto saved = identity_.save(services_.storage);
    if (!saved) log::warning("scramblesuit: {}", saved.error().text());
    unsaved_ = !saved;
    save_from_ = now + save_pause;
  }

  static constexpr std::int64_t save_pause = 60;  // seconds
  Identity identity_;
  bool unsaved_ = false;
  std::int64_t save_from_ = 0;
  Shapes shapes_;
  ReplayFilter replay_filter_;
};

}  // namespace

extern const TransportEntry entry{
    "scramblesuit",
    [](Services& services) -> Checked<std::unique_ptr<ClientTransport>> {
      auto store = TicketStore::load(services.storage, services.clock.unix_seconds());
      if (!store) return store.error();
      return std::make_unique<Client>(services, std::move(*store));
    },
    [](Services& services, const Args& options) -> Checked<std::unique_ptr<ServerTransport>> {
      auto identity = Identity::load(options, services.storage, services.random, services.clock.unix_seconds());
      if (!identity) return identity.error();
      return std::make_unique<Server>(services, *identity);
    },
    // The password is in the state directory then.
    [](Services& services, const Args& options, std::string_view) -> Checked<Configuration> {
      auto identity = Identity::load(options, services.storage, services.random, services.clock.unix_seconds());
      if (!identity) return identity.error();
      Configuration made;
      if (identity->inter_arrival) made.server.add("iat-mode", "1");
      made.client = identity->client_args();
      return made;
    },
};

}  // namespace ptproxy::scramblesuit
