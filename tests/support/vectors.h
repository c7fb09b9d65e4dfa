#pragma once
// Test vectors in tests/data.

#include <boost/json.hpp>

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace ptproxy::test {

inline boost::json::value read_vectors(const std::string& name) {
  std::ifstream file(std::string(TEST_DATA) + "/" + name);
  if (!file) throw std::runtime_error("no vectors: " + name);
  return boost::json::parse(std::string(std::istreambuf_iterator<char>(file), {}));
}

}  // namespace ptproxy::test
