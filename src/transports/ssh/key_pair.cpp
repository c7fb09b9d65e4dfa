#include "transports/ssh/key_pair.h"

#include <ptproxy/bytes.h>

#include <fmt/format.h>

#include <unistd.h>

namespace ptproxy::ssh {
namespace {

Checked<> make_key(const Storage& local, std::string_view name, Processes& processes) {
  // ssh-keygen writes two files where it is told; then the key takes its place as a whole.
  const auto draft = fmt::format("{}.{}.new", name, ::getpid());
  const auto remove_draft = [&] {
    local.remove(draft);
    local.remove(draft + ".pub");
  };
  remove_draft();
  const Command keygen("ssh-keygen", {"-q", "-t", "ed25519", "-N", "", "-C", "", "-f", draft}, local.directory());
  auto made = processes.run(keygen);
  if (!made) return made.error();
  auto text = local.read(draft);
  remove_draft();
  if (!text) return text.error();
  if (!*text) return Refusal("ssh-keygen made no key");
  auto written = local.write(name, **text);
  wipe(**text);
  return written;
}

}  // namespace

Checked<KeyPair> load_key_pair(const Storage& local, std::string_view name, Processes& processes) {
  std::error_code ec;
  const bool is_new = !std::filesystem::exists(local.directory() / name, ec);
  if (is_new) {
    auto made = make_key(local, name, processes);
    if (!made) return made.error();
  }
  const Command show("ssh-keygen", {"-y", "-P", "", "-f", std::string(name)}, local.directory());
  auto text = processes.run(show);
  if (!text) return Refusal(fmt::format("{}: {}", name, text.error().text()));
  auto key = parse_public_key(*text);
  if (!key) return Refusal(fmt::format("{}: {}", name, key.error().text()));
  return KeyPair{std::move(*key), is_new};
}

}  // namespace ptproxy::ssh
