// rot_by_N: adds N to every byte, the example of the specification (pt-2.0-draft-1 section 3.3.2.3) and of
// docs/writing-a-transport.md.
#include <ptproxy/log.h>

#include "transports/codec_transport.h"

#include <algorithm>
#include <charconv>

namespace ptproxy::rot_by_N {
namespace {

constexpr std::string_view default_n = "13";
constexpr std::chrono::seconds limit{30};

class RotCodec final : public Codec {
 public:
  explicit RotCodec(Byte n) : n_(n) {}
  Result<> encode(ByteSpan plain, Burst& wire) override {
    std::ranges::transform(plain, wire.space().begin(), [this](Byte b) { return static_cast<Byte>(b + n_); });
    wire.commit(plain.size());
    return {};
  }
  Result<> decode(ByteSpan wire, Chunk& plain) override {
    std::ranges::transform(wire, plain.space().begin(), [this](Byte b) { return static_cast<Byte>(b - n_); });
    plain.commit(wire.size());
    return {};
  }

 private:
  Byte n_;
};

std::optional<Byte> parse_n(const Args& args) {
  const auto text = args.find("N").value_or(default_n);
  Byte n = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return n;
}

class Client final : public CodecClient {
 public:
  explicit Client(Services& services) : CodecClient(services, limit) {}

 private:
  Result<std::unique_ptr<TransportHandshake>> new_handshake(const Endpoint&, const Args& args, int) override {
    const auto n = parse_n(args);
    if (!n) return make_error_code(Errc::bad_arguments);
    return std::make_unique<NoHandshake>(std::make_unique<RotCodec>(*n));
  }
};

class Server final : public CodecServer {
 public:
  Server(Services& services, Byte n) : CodecServer(services, limit, limit), n_(n) {}
  Args client_args() const override { return Args().add("N", std::to_string(n_)); }

 private:
  std::unique_ptr<TransportHandshake> new_handshake() override {
    return std::make_unique<NoHandshake>(std::make_unique<RotCodec>(n_));
  }
  Byte n_;
};

void warn() {
  log::warning("rot_by_N hides nothing from anybody who looks");
}

}  // namespace

extern const TransportEntry entry{
    "rot_by_N",
    [](Services& services) -> Checked<std::unique_ptr<ClientTransport>> {
      warn();
      return std::make_unique<Client>(services);
    },
    [](Services& services, const Args& options) -> Checked<std::unique_ptr<ServerTransport>> {
      const auto n = parse_n(options);
      if (!n) return Refusal("N is not a number from 0 to 255");
      warn();
      return std::make_unique<Server>(services, *n);
    },
};

}  // namespace ptproxy::rot_by_N
