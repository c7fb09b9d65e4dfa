#pragma once
/// \file
/// JSON as settings are written in it.

#include <boost/json/object.hpp>

#include <optional>
#include <string_view>

namespace ptproxy {

/// The object that `text` is, white space around it aside; nullopt when it is none, when it is not UTF-8 or when arrays
/// and objects are nested more than 8 deep. Numbers and booleans in it are strings of the text they were written in, so
/// that 1.0 does not become 1E0. Of a repeated key the last one is left.
std::optional<boost::json::object> parse_json_object(std::string_view text);

}  // namespace ptproxy
