#pragma once
/// \file
/// Errors as values. Protocol code gives `Result<T>` with an error code that a program can act on; configuration gives
/// `Checked<T>` with a sentence for whoever wrote it.

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <string>
#include <string_view>
#include <type_traits>

namespace ptproxy {

using error_code = boost::system::error_code;

/// A value, or the error code that stands in its place.
template <class T = void>
using Result = boost::system::result<T, error_code>;

/// Why something that an operator asked for cannot be had, as one line of ASCII without secrets or addresses.
class Refusal {
 public:
  Refusal() = default;
  explicit Refusal(std::string text) : text_(std::move(text)) {}
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// What Checked<T>::value() does in place of a value: throws std::runtime_error.
[[noreturn]] void throw_exception_from_error(const Refusal& refusal, const boost::source_location& where);

/// A value, or why not.
template <class T = void>
using Checked = boost::system::result<T, Refusal>;

/// What every area of the house may answer. Areas with more to tell have an enum of their own.
enum class Errc {
  bad_arguments = 1,     ///< the transport does not accept the connection's arguments
  handshake_failed,      ///< the peer did not prove that it speaks the transport
  unfinished_handshake,  ///< the peer hung up before it had proved that
  wrong_key,             ///< the peer speaks the transport, but not with the expected key
  skewed_clock,          ///< the peer knows the key, but its clock is hours away from ours
  bad_message,           ///< the peer broke the protocol
  too_long,              ///< a message passes the protocol's limit
  forbidden,             ///< a rule of ours forbids it
  unsupported,           ///< understood, but not done here
  overloaded,            ///< too much is waiting to be done already
};

const boost::system::error_category& ptproxy_category();
inline error_code make_error_code(Errc e) {
  return {static_cast<int>(e), ptproxy_category()};
}

}  // namespace ptproxy

template <>
struct boost::system::is_error_code_enum<ptproxy::Errc> : std::true_type {};
