#include <ptproxy/result.h>

#include <stdexcept>

namespace ptproxy {
namespace {

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "ptproxy"; }
  std::string message(int code) const override {
    switch (static_cast<Errc>(code)) {
      case Errc::bad_arguments:
        return "the transport does not accept these arguments";
      case Errc::handshake_failed:
        return "the peer did not prove that it speaks the transport";
      case Errc::unfinished_handshake:
        return "the peer hung up during the transport's handshake";
      case Errc::wrong_key:
        return "the peer does not hold the expected key";
      case Errc::skewed_clock:
        return "the peer's clock and ours are hours apart";
      case Errc::bad_message:
        return "the peer broke the protocol";
      case Errc::too_long:
        return "the peer's message is too long";
      case Errc::forbidden:
        return "forbidden";
      case Errc::unsupported:
        return "not supported";
      case Errc::overloaded:
        return "too much is waiting to be done already";
    }
    return "unknown error";
  }
};

}  // namespace

void throw_exception_from_error(const Refusal& refusal, const boost::source_location&) {
  throw std::runtime_error(refusal.text());
}

const boost::system::error_category& ptproxy_category() {
  static const Category category;
  return category;
}

}  // namespace ptproxy
