#include <ptproxy/args.h>

#include "base/json_object.h"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <algorithm>

namespace ptproxy {
namespace {

namespace json = boost::json;

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

/// One `k=v` up to an unescaped `;`, which stays. In a value further `=` and `:` stand for themselves, as tor writes
/// them.
Checked<Args::Pair> take_pair(std::string_view& text) {
  auto key = take_unescaped(text, "=;");
  if (!key) return key.error();
  if (key->empty()) return Refusal("a pair has no key");
  if (!text.starts_with('=')) return Refusal("a pair has no '='");
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

bool add_scalar(Args& args, std::string_view key, const json::value& value) {
  if (value.is_structured()) return false;
  if (value.is_string()) args.add(std::string(key), std::string(value.get_string()));
  return true;
}

/// nullopt for a value that is neither a scalar nor an array of them, and for an empty key.
std::optional<Args> to_args(const json::object& object) {
  Args args;
  for (const auto& [key, value] : object) {
    bool fits = !key.empty();
    if (value.is_array())
      for (const auto& element : value.get_array()) fits = fits && add_scalar(args, key, element);
    else
      fits = fits && add_scalar(args, key, value);
    if (!fits) return std::nullopt;
  }
  return args;
}

Refusal not_an_object() {
  return Refusal("the text is not a JSON object");
}

Refusal not_args() {
  return Refusal("a JSON value is neither a scalar nor an array of them, or its key is empty");
}

Checked<TransportOptions> to_options(const json::object& object) {
  TransportOptions options;
  for (const auto& [name, value] : object) {
    if (!value.is_object()) return Refusal("the JSON value of a transport's name is not an object");
    if (name.empty()) return Refusal("an option has no transport name");
    auto args = to_args(value.get_object());
    if (!args) return not_args();
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
    if (!text.starts_with(':')) return Refusal("an option is not of the form name:key=value");
    text.remove_prefix(1);
    auto pair = take_pair(text);
    if (!pair) return pair.error();
    options[std::move(*name)].add(std::move(pair->first), std::move(pair->second));
    if (auto more = take_separator(text); !more) return more.error();
  }
  return options;
}

/// `name:k=v` has an unescaped ':' before its first '='; a plain pair has not.
bool begins_with_name(std::string_view text) {
  return take_unescaped(text, ":=;").has_value() && text.starts_with(':');
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

Result<Args> parse_json_args(std::string_view text) {
  const auto object = parse_json_object(text);
  if (!object) return Errc::bad_message;
  auto args = to_args(*object);
  if (!args) return Errc::bad_arguments;
  return std::move(*args);
}

Checked<TransportOptions> parse_server_options(std::string_view text) {
  if (!without_leading_space(text).starts_with('{')) return parse_named_options(text);
  const auto object = parse_json_object(text);
  if (!object) return not_an_object();
  return to_options(*object);
}

Checked<TransportOptions> parse_client_options(std::string_view text) {
  if (without_leading_space(text).starts_with('{')) {
    const auto object = parse_json_object(text);
    if (!object) return not_an_object();
    const bool by_name =
        !object->empty() && std::ranges::all_of(*object, [](const auto& row) { return row.value().is_object(); });
    if (by_name) return to_options(*object);
    auto args = to_args(*object);
    if (!args) return not_args();
    return TransportOptions{{"", std::move(*args)}};
  }
  if (begins_with_name(text)) return parse_named_options(text);
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
