#include "wire/socks_reply.h"

#include <gtest/gtest.h>

#include <boost/asio/error.hpp>

namespace ptproxy {
namespace {

namespace errc = boost::system::errc;

TEST(SocksReply, TellsEachErrorTruly) {
  const std::vector<std::pair<error_code, SocksReply>> table = {
      {{}, SocksReply::succeeded},
      {Errc::handshake_failed, SocksReply::general_failure},
      {Errc::unfinished_handshake, SocksReply::general_failure},
      {Errc::wrong_key, SocksReply::general_failure},
      {Errc::skewed_clock, SocksReply::general_failure},
      {Errc::bad_message, SocksReply::general_failure},
      {Errc::too_long, SocksReply::general_failure},
      {Errc::unsupported, SocksReply::general_failure},
      {Errc::forbidden, SocksReply::not_allowed},
      {Errc::bad_arguments, SocksReply::settings_unacceptable},
      {make_error_code(errc::permission_denied), SocksReply::not_allowed},
      {make_error_code(errc::operation_not_permitted), SocksReply::not_allowed},
      {boost::asio::error::access_denied, SocksReply::not_allowed},
      {boost::asio::error::network_unreachable, SocksReply::network_unreachable},
      {boost::asio::error::network_down, SocksReply::network_unreachable},
      {boost::asio::error::host_unreachable, SocksReply::host_unreachable},
      {boost::asio::error::host_not_found, SocksReply::host_unreachable},
      {boost::asio::error::host_not_found_try_again, SocksReply::host_unreachable},
      {boost::asio::error::no_recovery, SocksReply::host_unreachable},
      {boost::asio::error::service_not_found, SocksReply::host_unreachable},
      {boost::asio::error::connection_refused, SocksReply::connection_refused},
      {boost::asio::error::connection_reset, SocksReply::connection_refused},
      {boost::asio::error::timed_out, SocksReply::timed_out},
      {make_error_code(errc::timed_out), SocksReply::timed_out},
      {boost::asio::error::address_family_not_supported, SocksReply::address_type_not_supported},
      {make_error_code(errc::address_not_available), SocksReply::address_type_not_supported},
      {boost::asio::error::no_descriptors, SocksReply::general_failure},
      {boost::asio::error::eof, SocksReply::general_failure},
      {boost::asio::error::operation_aborted, SocksReply::general_failure},
  };
  for (const auto& [error, reply] : table) EXPECT_EQ(reply_for(error), reply) << error.message();
}

TEST(SocksReply, PassesWhatAnUpstreamProxyAnswered) {
  for (int code = 1; code <= 8; ++code) {
    const error_code answered(code, socks_category());
    EXPECT_EQ(static_cast<int>(reply_for(answered)), code);
    EXPECT_NE(answered.message(), "unknown SOCKS reply");
  }
  EXPECT_EQ(error_code(0x0b, socks_category()).message(), "unknown SOCKS reply");
}

TEST(SocksReply, SpeaksTheRequestsVersion) {
  const SocksRequest socks4(SocksVersion::socks4, SocksMethod::none, {}, {});
  EXPECT_EQ(to_hex(reply(socks4, SocksReply::succeeded)), "005a000000000000");
  EXPECT_EQ(to_hex(reply(socks4, SocksReply::connection_refused)), "005b000000000000");
  const SocksRequest socks5(SocksVersion::socks5, SocksMethod::none, {}, {});
  EXPECT_EQ(to_hex(reply(socks5, SocksReply::succeeded)), "05000001000000000000");
  EXPECT_EQ(to_hex(reply(socks5, SocksReply::connection_refused)), "05050001000000000000");
}

TEST(SocksReply, KeepsCodesAboutJsonForThoseWhoSentSome) {
  for (auto [method, answer] : {std::pair(SocksMethod::none, "05010001000000000000"),
                                std::pair(SocksMethod::pt1_arguments, "05010001000000000000"),
                                std::pair(SocksMethod::json_block, "05130001000000000000"),
                                std::pair(SocksMethod::json_draft, "05130001000000000000")}) {
    const SocksRequest request(SocksVersion::socks5, method, {}, {});
    EXPECT_EQ(to_hex(reply(request, reply_for(Errc::bad_arguments))), answer);
  }
}

}  // namespace
}  // namespace ptproxy
