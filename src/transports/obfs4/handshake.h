#pragma once
/// \file
/// obfs4's handshake: who knows the bridge's cert proves it with a mark and a MAC that look like random bytes.

#include <ptproxy/random.h>

#include "crypto/elligator2.h"
#include "crypto/replay_filter.h"
#include "transports/codec_transport.h"
#include "transports/marked_hello.h"
#include "transports/obfs4/codec.h"
#include "transports/obfs4/identity.h"

#include <chrono>

namespace ptproxy::obfs4 {

inline constexpr std::size_t largest_hello = 8192;
inline constexpr std::size_t client_hello_min = 32 + mark_size + mac_size;
inline constexpr std::size_t server_hello_min = 32 + 32 + mark_size + mac_size;
inline constexpr std::size_t seed_frame_size = packet_overhead + 24;
inline constexpr std::size_t client_padding_min = server_hello_min + seed_frame_size - client_hello_min;
inline constexpr std::size_t client_padding_max = largest_hello - client_hello_min;
inline constexpr std::size_t server_padding_min = 0;
inline constexpr std::size_t server_padding_max = largest_hello - server_hello_min - seed_frame_size;
static_assert(client_padding_min == 77 && client_padding_max == 8128 && server_padding_max == 8051);

class ClientHandshake final : public TransportHandshake {
 public:
  /// The key pair is made before connecting, for making it takes an unforeseeable time. The random source outlives this
  /// and the codec.
  ClientHandshake(const Bridge& bridge, const KeyPair& key_pair, std::int64_t unix_seconds, const Shaping& shaping,
                  Random& random);
  /// Errc::wrong_key when all but the server's authentication was right, handshake_failed for everything else.
  Result<Step> advance(ByteQueue& in, ByteQueue& out) override;
  std::unique_ptr<Codec> codec() override;

 private:
  void say_hello(ByteQueue& out);
  Result<Step> read_hello(ByteQueue& in);

  Bridge bridge_;
  KeyPair key_pair_;
  std::string epoch_hour_;
  Shaping shaping_;
  Random& random_;
  bool said_hello_ = false;
  std::optional<Mark> server_mark_;
  std::optional<SessionKeys> keys_;
  bool heard_more_ = false;  // right behind the server's hello
};

class ServerHandshake final : public TransportHandshake {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  /// `now` and `unix_seconds` are the time of accepting. Everything passed by reference outlives this and the codec.
  ServerHandshake(const Identity& identity, const KeyPair& key_pair, ReplayFilter& replay_filter, TimePoint now,
                  std::int64_t unix_seconds, const Shaping& shaping, Random& random);
  /// Errc::skewed_clock when the client knows the cert but means another hour, forbidden for a replay, handshake_failed
  /// for everything else. Nothing is said before the client has proved itself.
  Result<Step> advance(ByteQueue& in, ByteQueue& out) override;
  std::unique_ptr<Codec> codec() override;

 private:
  Result<> answer(const PublicKey& client, const std::string& client_hour, ByteQueue& out);

  const Identity& identity_;
  KeyPair key_pair_;
  ReplayFilter& replay_filter_;
  TimePoint now_;
  std::int64_t unix_seconds_;
  Shaping shaping_;
  Random& random_;
  std::optional<Mark> client_mark_;
  std::optional<SessionKeys> keys_;
  std::optional<FrameEncoder> encoder_;
};

}  // namespace ptproxy::obfs4
