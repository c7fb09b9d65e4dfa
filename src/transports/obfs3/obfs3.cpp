#include <ptproxy/log.h>

#include "transports/codec_transport.h"
#include "transports/obfs3/handshake.h"

namespace ptproxy::obfs3 {
namespace {

/// For either side, and also until a failed connection is closed.
constexpr std::chrono::seconds limit{30};

void warn() {
  log::warning("obfs3 answers whoever probes it, and is recognised that way: prefer obfs4");
}

std::unique_ptr<TransportHandshake> handshake(Side side, Random& random) {
  Secret<UniformDh::key_size> private_key;
  random.fill(private_key.span());
  return std::make_unique<Obfs3Handshake>(side, private_key, random);
}

class Client final : public CodecClient {
 public:
  explicit Client(Services& services) : CodecClient(services, limit) {}

 private:
  Result<std::unique_ptr<TransportHandshake>> new_handshake(const Endpoint&, const Args&, int) override {
    return handshake(Side::initiator, services_.random);
  }
};

class Server final : public CodecServer {
 public:
  explicit Server(Services& services) : CodecServer(services, limit, limit) {}

 private:
  std::unique_ptr<TransportHandshake> new_handshake() override { return handshake(Side::responder, services_.random); }
};

}  // namespace

extern const TransportEntry entry{
    "obfs3",
    [](Services& services) -> Checked<std::unique_ptr<ClientTransport>> {
      warn();
      return std::make_unique<Client>(services);
    },
    [](Services& services, const Args&) -> Checked<std::unique_ptr<ServerTransport>> {
      warn();
      return std::make_unique<Server>(services);
    },
};

}  // namespace ptproxy::obfs3
