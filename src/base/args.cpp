#include <ptproxy/args.h>

#include <fmt/format.h>

#include <boost/json.hpp>

#include <algorithm>

namespace ptproxy {
namespace {

namespace json = boost::json;

constexpr std::size_t json_depth = 8;

/// Text up to the first unescaped byte of `stops`, unescaped; takes it from the front of `text`.
Checked<std::string> take_unescaped(std::string_view& text, std::string_view stops) {
  std::string out;
  while (!text.empty() && stops.find(text.front()) == std::string_view::npos) {
    if (text.front() == '\\') text.remove_prefix(1);
    if (text.empty()) return Refusal("a backslash at the end escapes nothing");
    out += text.front();
    text.remove_prefix(1);
  }
  return Checked<std::string>(boost::system::in_place_value, std::move(out));
}

/// One `k=v` up to an unescaped `;`, which stays. In a value further `=` and `:` stand for themselves, as tor writes them.
Checked<Args::Pair> take_pair(std::string_view& text) {
  auto key = take_unescaped(text, "=;");
  if (!key) return key.error();
  if (key->empty()) return Refusal("a pair has no key");
  if (!text.starts_with('=')) return Refusal(fmt::format("'{}' has no '='", *key));
  text.remove_prefix(1);
  auto value = take_unescaped(text, ";");
  if (!value) return value.error();
  return Args::Pair(std::move(*key), std::move(*value));
}

/// Takes the `;` between two pairs; a last one with nothing behind it is an error.
Checked<> take_separator(std::string_view& text) {
  if (text.empty()) return {};
  text.remove_prefix(1);
  if (text.empty()) return Refusal("nothing follows the last ';'");
  return {};
}

void escape(std::string& out, std::string_view text, std::string_view special) {
  for (char c : text) {
    if (special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
}

std::string join(const Args& args, char separator, std::string_view special) {
  std::string out;
  for (const auto& [key, value] : args.pairs()) {
    if (!out.empty()) out += separator;
    escape(out, key, special);
    out += '=';
    escape(out, value, special);
  }
  return out;
}

Checked<json::object> parse_object(std::string_view text) {
  json::error_code ec;
  json::parse_options options;
  options.max_depth = json_depth;
  auto value = json::parse(text, ec, {}, options);
  if (ec) return Refusal("not well-formed JSON");
  if (!value.is_object()) return Refusal("the JSON value is not an object");
  return std::move(value.get_object());
}

bool add_scalar(Args& args, std::string_view key, const json::value& value) {
  if (value.is_structured()) return false;
  if (value.is_null()) return true;
  args.add(std::string(key), value.is_string() ? std::string(value.get_string()) : json::serialize(value));
  return true;
}

Checked<Args> to_args(const json::object& object) {
  Args args;
  for (const auto& [key, value] : object) {
    if (key.empty()) return Refusal("a JSON key is empty");
    bool scalars = true;
    if (value.is_array())
      for (const auto& element : value.get_array()) scalars = add_scalar(args, key, element) && scalars;
    else
      scalars = add_scalar(args, key, value);
    if (!scalars) return Refusal(fmt::format("the JSON value of '{}' is neither a scalar nor an array of them", std::string_view(key)));
  }
  return args;
}

Checked<TransportOptions> to_options(const json::object& object) {
  TransportOptions options;
  for (const auto& [name, value] : object) {
    if (!value.is_object()) return Refusal(fmt::format("the JSON value of '{}' is not an object", std::string_view(name)));
    auto args = to_args(value.get_object());
    if (!args) return args.error();
    options.insert_or_assign(std::string(name), std::move(*args));
  }
  return options;
}

std::string_view without_leading_space(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  return text;
}

Checked<TransportOptions> parse_named_options(std::string_view text) {
  TransportOptions options;
  while (!text.empty()) {
    auto name = take_unescaped(text, ":=;");
    if (!name) return name.error();
    if (name->empty()) return Refusal("an option has no transport name");
    if (!text.starts_with(':')) return Refusal(fmt::format("'{}' is not of the form name:key=value", *name));
    text.remove_prefix(1);
    auto pair = take_pair(text);
    if (!pair) return pair.error();
    options[std::move(*name)].add(std::move(pair->first), std::move(pair->second));
    if (auto more = take_separator(text); !more) return more.error();
  }
  return options;
}

}  // namespace

std::optional<std::string_view> Args::find(std::string_view key) const {
  const auto found = std::ranges::find(pairs_, key, &Pair::first);
  if (found == pairs_.end()) return std::nullopt;
  return found->second;
}

Args Args::over(const Args& fallback) const {
  Args merged = *this;
  for (const auto& [key, value] : fallback.pairs_)
    if (!find(key)) merged.add(key, value);
  return merged;
}

Checked<Args> parse_args(std::string_view text) {
  Args args;
  while (!text.empty()) {
    auto pair = take_pair(text);
    if (!pair) return pair.error();
    args.add(std::move(pair->first), std::move(pair->second));
    if (auto more = take_separator(text); !more) return more.error();
  }
  return args;
}

Checked<Args> parse_json_args(std::string_view text) {
  auto object = parse_object(text);
  if (!object) return object.error();
  return to_args(*object);
}

Checked<TransportOptions> parse_server_options(std::string_view text) {
  if (!without_leading_space(text).starts_with('{')) return parse_named_options(text);
  auto object = parse_object(text);
  if (!object) return object.error();
  return to_options(*object);
}

Checked<TransportOptions> parse_client_options(std::string_view text) {
  if (without_leading_space(text).starts_with('{')) {
    auto object = parse_object(text);
    if (!object) return object.error();
    const bool by_name = !object->empty() && std::ranges::all_of(*object, [](const auto& row) { return row.value().is_object(); });
    if (by_name) return to_options(*object);
    auto args = to_args(*object);
    if (!args) return args.error();
    return TransportOptions{{"", std::move(*args)}};
  }
  // `name:k=v` has a ':' before its first '='; a plain pair has not.
  if (text.find(':') < text.find('=')) return parse_named_options(text);
  auto args = parse_args(text);
  if (!args) return args.error();
  return TransportOptions{{"", std::move(*args)}};
}

std::string to_args_text(const Args& args) {
  return join(args, ';', "\\=;");
}

std::string to_smethod_args(const Args& args) {
  return join(args, ',', "\\=,");
}

}  // namespace ptproxy
