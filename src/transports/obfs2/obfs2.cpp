#include <ptproxy/log.h>

#include "transports/codec_transport.h"
#include "transports/obfs2/handshake.h"

namespace ptproxy::obfs2 {
namespace {

/// For either side, and also until a failed connection is closed.
constexpr std::chrono::seconds limit{30};

/// `shared-secret`, any text but an empty one.
Checked<KeyDerivation> key_derivation(const Args& args) {
  const auto secret = args.find("shared-secret");
  if (!secret) return KeyDerivation();
  if (secret->empty()) return Refusal("shared-secret is empty");
  return KeyDerivation(*secret);
}

void warn() {
  log::warning(
      "obfs2 is easily recognised and protects from nobody who knows it: use it only where nothing else will do");
}

class Client final : public CodecClient {
 public:
  explicit Client(Services& services) : CodecClient(services, limit) {}

 private:
  Result<std::unique_ptr<TransportHandshake>> new_handshake(const Endpoint&, const Args& args, int) override {
    const auto derivation = key_derivation(args);
    if (!derivation) {
      log::warning("obfs2: {}", derivation.error().text());
      return make_error_code(Errc::bad_arguments);
    }
    return std::make_unique<Obfs2Handshake>(Side::initiator, *derivation, services_.random);
  }
};

class Server final : public CodecServer {
 public:
  Server(Services& services, const KeyDerivation& derivation)
      : CodecServer(services, limit, limit), derivation_(derivation) {}

 private:
  std::unique_ptr<TransportHandshake> new_handshake() override {
    return std::make_unique<Obfs2Handshake>(Side::responder, derivation_, services_.random);
  }

  KeyDerivation derivation_;
};

}  // namespace

extern const TransportEntry entry{
    "obfs2",
    [](Services& services) -> Checked<std::unique_ptr<ClientTransport>> {
      warn();
      return std::make_unique<Client>(services);
    },
    [](Services& services, const Args& options) -> Checked<std::unique_ptr<ServerTransport>> {
      const auto derivation = key_derivation(options);
      if (!derivation) return derivation.error();
      warn();
      return std::make_unique<Server>(services, *derivation);
    },
    [](Services&, const Args& options, std::string_view) -> Checked<Configuration> {
      const auto derivation = key_derivation(options);
      if (!derivation) return derivation.error();
      Configuration made;
      made.server = options;
      if (const auto secret = options.find("shared-secret")) made.client.add("shared-secret", std::string(*secret));
      return made;
    },
};

}  // namespace ptproxy::obfs2
