#pragma once
/// \file
/// The client's half of the ssh transport (pt-2.0-draft-1 section 3.2.3.1).

#include <ptproxy/transport.h>

#include "transports/ssh/login.h"
#include "transports/ssh/public_key.h"
#include "transports/ssh/tunnel.h"

#include <map>
#include <memory>

namespace ptproxy::ssh {

class Client final : public ClientTransport {
 public:
  static constexpr std::size_t most_tunnels = 32;
  static constexpr std::chrono::hours announce_again{1};

  /// Makes the key if there is none, tells it, and listens for what comes back.
  static Checked<std::unique_ptr<ClientTransport>> make(Services& services);
  Awaitable<Result<StreamPtr>> connect(const Endpoint& destination, const Args& args, Dialer& dialer) override;

 private:
  Client(Services& services, PublicKey key) : services_(services), key_(std::move(key)) {}
  /// The one for this login, if need be a new one; nullptr when there are too many.
  std::shared_ptr<Tunnel> tunnel(const Login& login, Dialer& dialer);
  /// Gives up the tunnel that nobody has wanted for the longest time, if one is idle.
  void make_room();
  /// Asks to be let in, unless that was lately.
  void announce();
  Awaitable<> hear_signals();

  Services& services_;
  PublicKey key_;
  std::map<Login, std::shared_ptr<Tunnel>> tunnels_;
  int tunnels_made_ = 0;
  std::optional<Clock::TimePoint> announced_;
};

}  // namespace ptproxy::ssh
