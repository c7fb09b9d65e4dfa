#pragma once
/// \file
/// Finds where a JSON object ends in a stream that does not say how long it is.

#include <ptproxy/bytes.h>

namespace ptproxy {

/// Follows strings, escapes and brackets, nothing else: whether the text is JSON is for a parser to say. Remembers
/// where it was, so that each byte is looked at once however small the pieces are.
class JsonScanner {
 public:
  /// Objects and arrays within each other, as many as a parser of settings takes.
  static constexpr std::size_t deepest = 8;

  enum class Found {
    need_more,
    whole,      ///< the object's last brace; bytes behind it were not looked at
    malformed,  ///< no brace at the beginning, brackets that do not match, or too deep
  };
  /// Looks at the bytes that follow those of earlier calls.
  Found feed(ByteView more);
  /// How many bytes were looked at; after `whole` the length of the object.
  std::size_t scanned() const { return scanned_; }

 private:
  bool take(Byte byte);

  std::string open_;  // the brackets that wait for their partner
  std::size_t scanned_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

}  // namespace ptproxy
