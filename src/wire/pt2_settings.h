#pragma once
/// \file
/// The JSON settings that PT 2.0 puts between the choice of a SOCKS5 method and the request.

#include <ptproxy/args.h>
#include <ptproxy/handshake.h>

#include "wire/json_scanner.h"
#include "wire/socks_request.h"

namespace ptproxy {

/// Takes one block of settings. Method 0x09 has a big-endian length in front. Method 0x80 was drafted three times: bare
/// JSON (draft 1), a big-endian length (draft 2's text), a little-endian length (draft 2's example); the first bytes
/// tell which it is.
/// Nothing is said on success. Settings that cannot be had fail with a SocksReply error, whose ten-byte reply is put
/// into `out`.
class Pt2Settings final : public Handshake {
 public:
  /// A longer block is refused as soon as that is known.
  static constexpr std::size_t longest = 65536;

  /// `method` is json_block or json_draft.
  explicit Pt2Settings(SocksMethod method) : method_(method) {}
  Result<Step> advance(ByteQueue& in, ByteQueue& out) override;
  /// After `done`.
  const Args& args() const { return args_; }

 private:
  enum class Framing { unknown, big_endian, little_endian, bare };
  Result<Step> take(ByteQueue& in);
  Result<Step> take_with_length(ByteQueue& in);
  Result<Step> take_bare(ByteQueue& in);
  Result<Step> parse(ByteView json);

  SocksMethod method_;
  Framing framing_ = Framing::unknown;
  JsonScanner scanner_;
  Args args_;
};

}  // namespace ptproxy
