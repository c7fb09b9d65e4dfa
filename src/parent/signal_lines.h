#pragma once
/// \file
/// Signals as lines (pt-2.0-draft-1 section 3.3.4): `CMESSAGE` goes from a client to its server, `SMESSAGE` back, and
/// whoever carries a line carries it unchanged.
///
///     CMESSAGE ssh 93bf0f2a5c1d77e0 {"t":"client-key",...}
///     keyword  transport id         payload

#include <ptproxy/result.h>

#include <chrono>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace ptproxy {

enum class SignalDirection { to_server, to_client };

/// One message.
class SignalLine {
 public:
  /// What a line, its newline included, may not pass.
  static constexpr std::size_t longest = 4096;
  static constexpr std::size_t longest_payload = 3900;

  SignalLine(SignalDirection direction, std::string transport, std::string payload)
      : direction_(direction), transport_(std::move(transport)), payload_(std::move(payload)) {}
  const std::string& transport() const { return transport_; }
  const std::string& payload() const { return payload_; }
  /// 16 hexadecimal digits out of everything else: tells repetitions, and lines that a mail program has changed.
  std::string id() const;
  /// Without the newline.
  std::string to_string() const;
  bool operator==(const SignalLine&) const = default;

 private:
  SignalDirection direction_;
  std::string transport_, payload_;
};

/// Whether it may travel: one JSON object of printable ASCII with a string `t`, of at most longest_payload bytes.
Checked<> check_payload(std::string_view payload);

/// Reads a line that goes in `direction`; spaces and a CR around it do not matter. Errc::unsupported for another
/// keyword, Errc::forbidden for the keyword of the other direction, Errc::too_long, and Errc::bad_message for one that
/// was damaged on its way.
Result<SignalLine> parse_signal_line(std::string_view line, SignalDirection direction);

/// The same message goes, and is taken, at most once in this time. Later it may be meant.
inline constexpr std::chrono::seconds signal_repeat_after{60};

/// What was seen lately.
class RecentIds {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::size_t capacity = 256;
  /// Whether it was seen within signal_repeat_after; if not, from now on it was.
  bool seen(std::string id, TimePoint now);

 private:
  std::deque<std::pair<std::string, TimePoint>> ids_;  // eldest first
};

/// Cuts what comes in into lines. A line that is too long is left out, whatever its length.
class LineSplitter {
 public:
  /// The whole lines, without their newlines, that end in `part`.
  std::vector<std::string> split(std::string_view part);

 private:
  std::string begun_;
  bool too_long_ = false;
};

}  // namespace ptproxy
