#pragma once
/// \file
/// The server's half of the ssh transport (pt-2.0-draft-1 section 3.2.3.2).

#include <ptproxy/transport.h>

#include "transports/ssh/enrolment.h"
#include "transports/ssh/public_key.h"

#include <functional>
#include <map>
#include <string>

namespace ptproxy::ssh {

/// Hands each connection to an sshd of its own, which runs as we do, lets nobody do anything but forward, and forwards
/// to the Server App only. It gets the connection as a pipe, and so never learns a client's address.
class Server final : public ServerTransport {
 public:
  /// sshd ends what has not logged in after this.
  static constexpr std::chrono::seconds login_limit{30};
  static constexpr int most_logging_in = 64, most_sessions = 512;
  /// So that one client that never logs in does not keep out all others.
  static constexpr int most_logging_in_from_one = 16;
  /// How often the operator's answers are looked for while somebody waits for one.
  static constexpr std::chrono::seconds review_every{2};

  static Checked<std::unique_ptr<ServerTransport>> make(Services& services, const Args& options);
  /// Host key and folder, but no server.
  static Checked<Configuration> generate(Services& services, const Args& options, std::string_view address);

  Args client_args() const override;
  /// sshd reaches the Server App by itself: `on_stream` gets nothing.
  Awaitable<> serve(Listener& listener, OnStream on_stream) override;

 private:
  Server(Services& services, PublicKey host_key, std::string user, std::string host, Enrolment enrolment);
  /// `client` is its address, empty where it has none.
  bool has_room_for(const std::string& client) const;
  void begin_session(StreamPtr wire, const std::string& client);
  /// Whether sshd says by this line that the client has proved its key. A client's words may stand in other lines.
  bool is_login(std::string_view line) const;
  /// Calls `on_login` when the client has proved its key.
  Awaitable<> session(StreamPtr wire, std::function<void()> on_login);
  Awaitable<> hear_signals();
  Awaitable<> watch_answers();
  void ask(const PublicKey& key);
  void let_in(const PublicKey& key);
  void write_client_configuration(const std::optional<Endpoint>& listening) const;

  Services& services_;
  PublicKey host_key_;
  std::string user_, host_;
  Enrolment enrolment_;
  int logging_in_ = 0, sessions_ = 0;
  std::map<std::string, int> logging_in_from_;  // by address
};

}  // namespace ptproxy::ssh
