#pragma once
/// \file
/// Reads the test vectors in tests/data.

#include <ptproxy/bytes.h>

#include <boost/json.hpp>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace ptproxy::test {

inline boost::json::value read_vectors(const std::string& name) {
  std::ifstream file(std::string(TEST_DATA) + "/" + name);
  if (!file) throw std::runtime_error("no test vectors called " + name);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return boost::json::parse(text);
}

/// The entries of a list, which must not be empty: a test that loops over nothing proves nothing.
inline const boost::json::array& list_of(const boost::json::value& value, std::string_view name) {
  const auto& list = value.at(name).as_array();
  if (list.empty()) throw std::runtime_error("an empty list of test vectors");
  return list;
}

inline std::string text_of(const boost::json::value& value) {
  return std::string(value.as_string());
}

inline Bytes bytes_of(const boost::json::value& value) {
  return from_hex(text_of(value)).value();
}

template <std::size_t N>
ByteArray<N> array_of(const boost::json::value& value) {
  const auto bytes = bytes_of(value);
  if (bytes.size() != N) throw std::runtime_error("a test vector of another size");
  ByteArray<N> array;
  std::copy(bytes.begin(), bytes.end(), array.begin());
  return array;
}

template <std::size_t N>
Secret<N> secret_of(const boost::json::value& value) {
  return Secret<N>(array_of<N>(value));
}

/// A number written as C99 hexadecimal floating point.
inline double double_of(const boost::json::value& value) {
  return std::strtod(text_of(value).c_str(), nullptr);
}

}  // namespace ptproxy::test
