#include "wire/upstream_errc.h"

namespace ptproxy {
namespace {

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "upstream proxy"; }
  std::string message(int code) const override {
    switch (static_cast<UpstreamErrc>(code)) {
      case UpstreamErrc::wants_credentials:
        return "the upstream proxy wants credentials";
      case UpstreamErrc::refused_credentials:
        return "the upstream proxy refused our credentials";
      case UpstreamErrc::refused:
        return "the upstream proxy refused to connect us";
      case UpstreamErrc::bad_reply:
        return "the upstream proxy does not speak its protocol";
      case UpstreamErrc::header_too_long:
        return "the upstream proxy's header is too long";
      case UpstreamErrc::hung_up:
        return "the upstream proxy hung up before it had answered";
      case UpstreamErrc::bad_name:
        return "the destination's name does not fit into the upstream proxy's protocol";
    }
    return "unknown upstream proxy error";
  }
};

}  // namespace

const boost::system::error_category& upstream_category() {
  static const Category category;
  return category;
}

}  // namespace ptproxy
