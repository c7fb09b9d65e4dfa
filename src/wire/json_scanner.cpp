#include "wire/json_scanner.h"

namespace ptproxy {

JsonScanner::Found JsonScanner::feed(ByteView more) {
  for (Byte byte : more) {
    if (!take(byte)) return Found::malformed;
    ++scanned_;
    if (open_.empty()) return Found::whole;
  }
  return Found::need_more;
}

bool JsonScanner::take(Byte byte) {
  if (scanned_ == 0 && byte != '{') return false;
  if (in_string_) {
    if (!escaped_ && byte == '"') in_string_ = false;
    escaped_ = !escaped_ && byte == '\\';
    return true;
  }
  switch (byte) {
    case '"':
      in_string_ = true;
      return true;
    case '{':
    case '[':
      if (open_.size() == deepest) return false;
      open_ += static_cast<char>(byte);
      return true;
    case '}':
    case ']':
      if (open_.back() != (byte == '}' ? '{' : '[')) return false;
      open_.pop_back();
      return true;
    default:
      return true;
  }
}

}  // namespace ptproxy
