#pragma once
/// \file
/// The configuration of the server's sshd.

#include <ptproxy/endpoint.h>

#include <filesystem>
#include <string>

namespace ptproxy::ssh {

/// For an sshd that lets in who is in `folder`/authorized_keys and forwards to `app` alone. Refuses a folder whose name
/// such a file cannot hold.
Checked<std::string> sshd_config(const std::filesystem::path& folder, const Endpoint& app, int login_seconds);

}  // namespace ptproxy::ssh
