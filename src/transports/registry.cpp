#include "transports/registry.h"

// One line for each transport: the namespace in which its `entry` stands.
#define PTPROXY_TRANSPORTS(X) \
  X(dummy)                    \
  X(rot_by_N)                 \
  X(obfs4)                    \
  X(obfs2)                    \
  X(obfs3)                    \
  X(scramblesuit)             \
  X(meek)                     \
  X(meek_lite)                \
  X(ssh)

namespace ptproxy {

#define DECLARE(name)                \
  namespace name {                   \
  extern const TransportEntry entry; \
  }
PTPROXY_TRANSPORTS(DECLARE)

std::span<const TransportEntry* const> all_transports() {
#define ROW(name) &name::entry,
  static constexpr const TransportEntry* rows[] = {PTPROXY_TRANSPORTS(ROW)};
  return rows;
}

const TransportEntry* find_transport(std::string_view name) {
  for (const auto* transport : all_transports())
    if (transport->name == name) return transport;
  return nullptr;
}

}  // namespace ptproxy
