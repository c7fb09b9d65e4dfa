#include "transports/ssh/client.h"
#include "transports/ssh/server.h"

namespace ptproxy::ssh {

extern const TransportEntry entry{"ssh", Client::make, Server::make, Server::generate, true};

}  // namespace ptproxy::ssh
