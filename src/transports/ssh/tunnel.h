#pragma once
/// \file
/// One login on one server: an ssh that is kept running, and the streams through it.

#include <ptproxy/transport.h>

#include "io/timing.h"
#include "transports/ssh/login.h"

#include <functional>
#include <list>
#include <memory>

namespace ptproxy::ssh {

/// Starts ssh with a SOCKS proxy (`ssh -D`) on a UNIX socket in the transport's folder, where no other user of the
/// machine reaches it. ssh never opens a connection: its wire is one of ours, so that it goes where ours go, through an
/// upstream proxy too.
class Tunnel {
 public:
  /// To ssh, from the first byte to its being logged in.
  static constexpr std::chrono::seconds login_limit{45};
  /// Between attempts while the server does not know our key (pt-2.0-draft-1 section 3.2.3.1).
  static constexpr std::chrono::seconds refused_rest{10};
  /// Between attempts that fail otherwise: 1, 2, 4 ... seconds.
  static constexpr std::chrono::seconds longest_rest{60};
  /// A server that cannot be reached is tried no longer when nobody has asked for it in this time.
  static constexpr std::chrono::minutes unwanted_limit{10};

  /// `name` is that of the UNIX socket. `on_refused` is called whenever the server does not know our key. Everything
  /// passed by reference outlives the streams.
  Tunnel(Services& services, Dialer& dialer, Login login, std::string name, std::function<void()> on_refused);
  ~Tunnel();
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;

  /// Keeps it running until it has ended().
  static Awaitable<> supervise(std::shared_ptr<Tunnel> tunnel);
  /// No more attempts: the server's host key is the wrong one, or nobody wants it.
  bool ended() const { return state_ == State::ended; }
  /// A stream to the Server App. Waits for an attempt under way, and fails with it; Errc::forbidden from a server that
  /// does not know our key or is not the one that was meant.
  Awaitable<Result<StreamPtr>> connect(Endpoint app);
  /// The server knows our key now.
  void try_now();
  /// When a connection was last asked for; nullopt while ssh is logged in or about to log in.
  std::optional<Clock::TimePoint> idle_since() const;
  /// No more attempts. Only for one that is idle.
  void give_up();

 private:
  enum class State { connecting, up, refused, resting, ended };
  struct Waiter {
    explicit Waiter(Executor executor) : answered(executor) {}
    Bell answered;
    error_code answer;
  };

  /// `logged_in` is the line by which ssh tells that it has.
  Command command(std::string_view logged_in) const;
  /// Logs in, and stays until it is over; why it is.
  Awaitable<error_code> attempt();
  Awaitable<Result<>> log_in(Child& child, const std::string& logged_in);
  Awaitable<Result<>> ready();
  Awaitable<> rest(error_code why);
  void answer(State state, error_code why);

  Services& services_;
  Dialer& dialer_;
  Login login_;
  Storage local_;
  std::string name_;
  std::function<void()> on_refused_;
  State state_ = State::connecting;
  int failures_ = 0;
  Clock::TimePoint last_wanted_;
  Bell wake_;
  std::list<std::shared_ptr<Waiter>> waiters_;
};

}  // namespace ptproxy::ssh
