#pragma once
/// \file
/// -genconfig: the specification's `generate configuration` (pt-2.0-draft-1 section 3.2.2.2) for whoever sets up a
/// server.

#include <ptproxy/transport.h>

#include "parent/config.h"

namespace ptproxy {

/// For each transport four lines: how to start the server, the bridge line, how to start a client, and the client's
/// part as JSON. Makes the keys that this needs, in the state directory.
Checked<std::string> generate_configuration(const Config& config, Services& services);

}  // namespace ptproxy
