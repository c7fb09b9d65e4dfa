#pragma once
/// \file
/// The key=value pairs that configure a transport: per connection (`Args` of a bridge line, of SOCKS, of JSON) and per
/// server (`TransportOptions`). Grammar: pt-2.0-draft-1 sections 3.3.1.3 and 3.3.4; docs/pt-notes.md tells the rest.

#include <ptproxy/result.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ptproxy {

/// Pairs in the order in which they came. A key may come again; the first one counts where one value is wanted.
class Args {
 public:
  using Pair = std::pair<std::string, std::string>;
  Args() = default;
  Args& add(std::string key, std::string value) {
    pairs_.emplace_back(std::move(key), std::move(value));
    return *this;
  }
  /// The first value of `key`; valid as long as these Args are not changed.
  std::optional<std::string_view> find(std::string_view key) const;
  bool empty() const { return pairs_.empty(); }
  const std::vector<Pair>& pairs() const { return pairs_; }
  /// These, and of `fallback` what these do not name: key by key, all values of a key together.
  Args over(const Args& fallback) const;
  bool operator==(const Args&) const = default;

 private:
  std::vector<Pair> pairs_;
};

/// Options by transport name; the name "" stands for every transport.
using TransportOptions = std::map<std::string, Args, std::less<>>;

/// `k=v;k=v` with `\` before any byte that is meant literally. An empty text is no pairs.
Checked<Args> parse_args(std::string_view text);
/// A JSON object of scalars: numbers and booleans take their text, null is as if absent, an array repeats its key, of a
/// repeated key the last one counts. Errc::bad_message for what is no JSON object or is nested more than 8 deep,
/// Errc::bad_arguments for one that holds other values or an empty key.
Result<Args> parse_json_args(std::string_view text);
/// Server options: `name:k=v;name:k=v`, or a JSON object of objects by name.
Checked<TransportOptions> parse_server_options(std::string_view text);
/// Client options: `k=v;k=v` (for every transport), `name:k=v;...`, or a JSON object of either shape.
Checked<TransportOptions> parse_client_options(std::string_view text);
/// The inverse of parse_args.
std::string to_args_text(const Args& args);
/// What follows `ARGS:` in an SMETHOD line: `k=v,k=v` with `=`, `,` and `\` escaped.
std::string to_smethod_args(const Args& args);

}  // namespace ptproxy
