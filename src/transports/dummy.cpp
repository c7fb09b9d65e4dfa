// dummy: the bytes as they are. For trying out everything around a transport.
#include <ptproxy/log.h>
#include <ptproxy/transport.h>

namespace ptproxy::dummy {
namespace {

void warn() {
  log::warning("dummy hides nothing: everything travels as it is");
}

class Client final : public ClientTransport {
 public:
  Awaitable<Result<StreamPtr>> connect(const Endpoint& bridge, const Args&, Dialer& dialer) override {
    co_return co_await dialer.dial(bridge);
  }
};

class Server final : public ServerTransport {
 public:
  Awaitable<> serve(Listener& listener, OnStream on_stream) override {
    for (;;) {
      auto stream = co_await listener.accept();
      if (!stream) co_return;
      on_stream(std::move(*stream));
    }
  }
};

}  // namespace

extern const TransportEntry entry{
    "dummy",
    [](Services&) -> Checked<std::unique_ptr<ClientTransport>> {
      warn();
      return std::make_unique<Client>();
    },
    [](Services&, const Args&) -> Checked<std::unique_ptr<ServerTransport>> {
      warn();
      return std::make_unique<Server>();
    },
};

}  // namespace ptproxy::dummy
