#include "wire/pt2_settings.h"

#include "wire/socks_reply.h"

#include <algorithm>

namespace ptproxy {

Result<Handshake::Step> Pt2Settings::advance(ByteQueue& in, ByteQueue& out) {
  auto step = take(in);
  if (!step) out.append(socks5_reply(reply_for(step.error())));
  return step;
}

//  method 0x09, and 0x80 after 00:   00 00 00 39  { ... }
//  method 0x80, draft 2's example:   39 00 00 00  { ... }
//  method 0x80, draft 1:             { ... }
Result<Handshake::Step> Pt2Settings::take(ByteQueue& in) {
  const ByteView bytes = in.view();
  if (framing_ == Framing::unknown) {
    if (bytes.empty()) return Step::need_more;
    if (method_ == SocksMethod::json_block || bytes[0] == 0) {
      framing_ = Framing::big_endian;
    } else if (bytes.size() < 2) {
      return Step::need_more;
    } else if (bytes[0] == '{' && as_text(bytes.subspan(1, 1)).find_first_of("\"} \t\r\n") == 0) {
      framing_ = Framing::bare;
    } else if (bytes.size() < 4) {
      return Step::need_more;
    } else if (bytes[2] == 0 && bytes[3] == 0) {
      framing_ = Framing::little_endian;
    } else {
      return SocksReply::settings_malformed;
    }
  }
  return framing_ == Framing::bare ? take_bare(in) : take_with_length(in);
}

Result<Handshake::Step> Pt2Settings::take_with_length(ByteQueue& in) {
  Reader reader(in.view());
  const auto field = reader.take(4);
  if (!field) return Step::need_more;
  std::size_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) length = length << 8 | (*field)[framing_ == Framing::big_endian ? i : 3 - i];
  if (length > longest) return SocksReply::settings_too_long;
  if (length == 0) return SocksReply::settings_malformed;
  const auto json = reader.take(length);
  if (!json) return Step::need_more;
  auto parsed = parse(*json);
  in.drop_front(4 + length);
  return parsed;
}

Result<Handshake::Step> Pt2Settings::take_bare(ByteQueue& in) {
  const ByteView within_limit = in.view().first(std::min(in.size(), longest));
  const auto found = scanner_.feed(within_limit.subspan(scanner_.scanned()));
  if (found == JsonScanner::Found::malformed) return SocksReply::settings_malformed;
  if (found == JsonScanner::Found::need_more) {
    // One byte more than the limit shows that the object goes on.
    if (in.size() > longest) return SocksReply::settings_too_long;
    return Step::need_more;
  }
  const auto length = scanner_.scanned();
  auto parsed = parse(in.view().first(length));
  in.drop_front(length);
  return parsed;
}

Result<Handshake::Step> Pt2Settings::parse(ByteView json) {
  auto args = parse_json_args(as_text(json));
  if (!args)
    return args.error() == Errc::bad_arguments ? SocksReply::settings_unacceptable : SocksReply::settings_malformed;
  args_ = std::move(*args);
  return Step::done;
}

}  // namespace ptproxy
