#include "base/json_object.h"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>

namespace ptproxy {
namespace {

namespace json = boost::json;

constexpr std::size_t deepest = 8;

/// What the parser calls for each piece it finds. The names are Boost.JSON's.
struct KeepsTexts {
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();
  using error = json::error_code;
  using text = json::string_view;

  json::value_stack values;

  bool on_document_begin(error&) {
    values.reset();
    return true;
  }
  bool on_document_end(error&) { return true; }
  bool on_object_begin(error&) { return true; }
  bool on_object_end(std::size_t size, error&) {
    values.push_object(size);
    return true;
  }
  bool on_array_begin(error&) { return true; }
  bool on_array_end(std::size_t size, error&) {
    values.push_array(size);
    return true;
  }
  bool on_key_part(text part, std::size_t, error&) { return push_part(part); }
  bool on_key(text last_part, std::size_t, error&) {
    values.push_key(last_part);
    return true;
  }
  bool on_string_part(text part, std::size_t, error&) { return push_part(part); }
  bool on_string(text last_part, std::size_t, error&) { return push(last_part); }
  // Only a number that is cut in two has parts, and here the text comes whole.
  bool on_number_part(text, error&) { return true; }
  bool on_int64(std::int64_t, text number, error&) { return push(number); }
  bool on_uint64(std::uint64_t, text number, error&) { return push(number); }
  bool on_double(double, text number, error&) { return push(number); }
  bool on_bool(bool value, error&) { return push(value ? "true" : "false"); }
  bool on_null(error&) {
    values.push_null();
    return true;
  }
  bool on_comment_part(text, error&) { return true; }
  bool on_comment(text, error&) { return true; }

 private:
  bool push(text scalar) {
    values.push_string(scalar);
    return true;
  }
  bool push_part(text part) {
    values.push_chars(part);
    return true;
  }
};

}  // namespace

std::optional<json::object> parse_json_object(std::string_view text) {
  json::parse_options options;
  options.max_depth = deepest;
  json::basic_parser<KeepsTexts> parser(options);
  json::error_code ec;
  const auto used = parser.write_some(false, text.data(), text.size(), ec);
  if (ec || used != text.size()) return std::nullopt;
  auto value = parser.handler().values.release();
  if (!value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

}  // namespace ptproxy
