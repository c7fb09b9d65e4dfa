#pragma once
/// \file
/// The way from a server to its Server App: the ORPort, or the Extended ORPort with its handshake.

#include <ptproxy/transport.h>

#include <filesystem>
#include <optional>
#include <string_view>

namespace ptproxy {

class OrPort {
 public:
  /// Plain connections to `app`. The services and the dialer outlive this.
  OrPort(Services& services, Dialer& dialer, Endpoint app);
  /// Connections to tor's Extended ORPort. The cookie is read anew for each, for tor writes another whenever it starts.
  OrPort(Services& services, Dialer& dialer, Endpoint ext_orport, std::filesystem::path cookie_file);

  /// Reaches the Server App for a client that came over `transport`. An Extended ORPort that fails is never gone
  /// around: tor would take the client for one that came directly.
  Awaitable<Result<StreamPtr>> dial(std::optional<Endpoint> client, std::string_view transport);

 private:
  Awaitable<Result<StreamPtr>> introduce(StreamPtr tor, std::optional<Endpoint> client, std::string_view transport);

  Services& services_;
  Dialer& dialer_;
  Endpoint app_;
  std::filesystem::path cookie_file_;  // empty: plain ORPort
};

}  // namespace ptproxy
