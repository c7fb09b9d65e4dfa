#include "transports/ssh/sshd_config.h"

#include <fmt/format.h>

#include <algorithm>

namespace ptproxy::ssh {
namespace {

/// sshd replaces what stands behind a percent sign in some names.
std::string with_doubled_percents(const std::string& text) {
  std::string out;
  for (char c : text) out.append(c == '%' ? 2 : 1, c);
  return out;
}

}  // namespace

Checked<std::string> sshd_config(const std::filesystem::path& folder, const Endpoint& app, int login_seconds) {
  const auto& path = folder.native();
  const auto cannot_be_quoted = [](char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; };
  if (std::ranges::any_of(path, cannot_be_quoted))
    return Refusal("the state directory's name has characters that sshd cannot read");
  return Checked<std::string>(boost::system::in_place_value,
                              fmt::format(R"(# Written anew at each start.
HostKey "{0}/hostKey"
AuthorizedKeysFile "{1}/authorized_keys"
PermitOpen {2}
LoginGraceTime {3}
# The folder is closed to everybody else; what is above it is not sshd's business.
StrictModes no
AuthenticationMethods publickey
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxAuthTries 3
UsePAM no
PidFile none
# Forwarding to the Server App, and nothing else.
AllowTcpForwarding local
AllowStreamLocalForwarding no
AllowAgentForwarding no
X11Forwarding no
GatewayPorts no
PermitTunnel no
PermitTTY no
PermitUserRC no
PermitUserEnvironment no
ForceCommand /bin/false
MaxSessions 0
ClientAliveInterval 15
ClientAliveCountMax 3
UseDNS no
DebianBanner no
PrintMotd no
LogLevel INFO
)",
                                          path, with_doubled_percents(path), app.to_string(), login_seconds));
}

}  // namespace ptproxy::ssh
