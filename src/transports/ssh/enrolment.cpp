#include "transports/ssh/enrolment.h"

#include <algorithm>

namespace ptproxy::ssh {
namespace {

constexpr std::string_view authorized_keys = "authorized_keys", pending = "pending", accept = "accept";
// Forwarding and nothing else; sshd_config says where to.
constexpr std::string_view restrictions = "restrict,port-forwarding ";

constexpr std::string_view blanks = " \t\r";

/// The lines of a file that may not be there, without what is blank around them; comments are none.
Checked<std::vector<std::string>> read_lines(const Storage& folder, std::string_view name) {
  const auto file = folder.read(name);
  if (!file) return file.error();
  std::string_view text = *file ? std::string_view(**file) : std::string_view();
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    line.remove_suffix(line.size() - (line.find_last_not_of(blanks) + 1));
    if (!line.empty() && line.front() != '#') lines.emplace_back(line);
  }
  return lines;
}

}  // namespace

Checked<> Enrolment::prepare() const {
  auto text = local_.read(authorized_keys);
  if (!text) return text.error();
  if (*text) return {};
  return local_.write(authorized_keys, "");
}

Checked<Enrolment::Outcome> Enrolment::ask(const PublicKey& key) {
  auto approved = is_approved(key);
  if (!approved) return approved.error();
  if (*approved) {
    auto authorized = authorize(key);
    if (!authorized) return authorized.error();
    return Outcome::accepted;
  }
  auto waiting = read_pending();
  if (!waiting) return waiting.error();
  if (std::ranges::find(*waiting, key) != waiting->end()) return Outcome::waiting;
  if (waiting->size() >= most_pending) waiting->erase(waiting->begin());
  waiting->push_back(key);
  auto written = write_pending(*waiting);
  if (!written) return written.error();
  return Outcome::waiting;
}

Checked<std::vector<PublicKey>> Enrolment::review() {
  auto waiting = read_pending();
  if (!waiting) return waiting.error();
  std::vector<PublicKey> accepted, left;
  for (const auto& key : *waiting) {
    auto approved = is_approved(key);
    if (!approved) return approved.error();
    if (*approved) {
      auto authorized = authorize(key);
      if (!authorized) return authorized.error();
    }
    (*approved ? accepted : left).push_back(key);
  }
  if (accepted.empty()) return accepted;
  auto written = write_pending(left);
  if (!written) return written.error();
  return accepted;
}

bool Enrolment::anybody_waits() const {
  const auto waiting = read_pending();
  return waiting && !waiting->empty();
}

Checked<bool> Enrolment::is_approved(const PublicKey& key) const {
  if (policy_ == Policy::automatic) return true;
  for (auto [name, sought] : {std::pair(accept, key.fingerprint()), std::pair(authorized_keys, key.to_string())}) {
    const auto lines = read_lines(local_, name);
    if (!lines) return lines.error();
    for (const auto& line : *lines)
      if (line == sought || line.ends_with(' ' + sought)) return true;
  }
  return false;
}

Checked<> Enrolment::authorize(const PublicKey& key) const {
  const auto words = key.to_string();
  const auto lines = read_lines(local_, authorized_keys);
  if (!lines) return lines.error();
  if (std::ranges::any_of(*lines, [&](const auto& line) { return line.find(words) != std::string::npos; })) return {};
  if (lines->size() >= most_authorized) return Refusal("too many keys in authorized_keys: one that asks is left out");
  auto text = local_.read(authorized_keys);
  if (!text) return text.error();
  auto all = text->value_or("");
  if (!all.empty() && !all.ends_with('\n')) all += '\n';
  (all += restrictions) += words + '\n';
  return local_.write(authorized_keys, all);
}

Checked<std::vector<PublicKey>> Enrolment::read_pending() const {
  const auto lines = read_lines(local_, pending);
  if (!lines) return lines.error();
  std::vector<PublicKey> keys;
  for (const auto& line : *lines)
    if (auto key = parse_public_key(line); key && key->is_ed25519()) keys.push_back(std::move(*key));
  return keys;
}

Checked<> Enrolment::write_pending(const std::vector<PublicKey>& keys) const {
  std::string text;
  for (const auto& key : keys) text += key.to_string() + ' ' + key.fingerprint() + '\n';
  return local_.write(pending, text);
}

Checked<Enrolment::Policy> parse_policy(std::optional<std::string_view> text) {
  if (!text || text == "manual") return Enrolment::Policy::manual;
  if (text == "auto") return Enrolment::Policy::automatic;
  return Refusal("accept is neither auto nor manual");
}

}  // namespace ptproxy::ssh
