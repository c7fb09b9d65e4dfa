#pragma once
/// \file
/// A ScrambleSuit server's side of both handshakes. Before a client has proved itself it gets no answer and no more
/// than a few hashes of work, whatever it sends.

#include "crypto/replay_filter.h"
#include "transports/scramblesuit/client_handshake.h"
#include "transports/scramblesuit/identity.h"

namespace ptproxy::scramblesuit {

class ServerHandshake final : public TransportHandshake {
 public:
  using TimePoint = ReplayFilter::TimePoint;
  /// `now` and `unix_seconds` are the time of accepting. Everything passed by reference outlives this and the codec.
  ServerHandshake(const Identity& identity, ReplayFilter& replay_filter, TimePoint now, std::int64_t unix_seconds,
                  Shapes& shapes, Random& random);
  /// Errc::skewed_clock when the client knows a key but means another hour, forbidden for a replay, handshake_failed
  /// for everything else. In its answer a new ticket and the seed stand behind the hello, where there is one.
  Result<Step> advance(ByteQueue& in, ByteQueue& out) override;
  Work take_work() override { return std::exchange(work_, nullptr); }
  std::unique_ptr<Codec> codec() override;

 private:
  /// The server's half of a UniformDH handshake.
  class Agreement {
   public:
    ByteArray<UniformDh::key_size> public_key;
    MasterKey master_key;
  };
  /// A hello that has proved itself.
  class Proven {
   public:
    std::size_t size;
    std::string hour;
  };

  Result<Step> read_hello(ByteQueue& in, ByteQueue& out);
  Result<std::optional<Proven>> prove(ByteView heard, ByteView key, std::size_t marked_size);
  void agree(ByteView public_key);
  void answer(ByteQueue& out);
  void begin_session(const SessionKeys& keys, ByteQueue& out);

  const Identity& identity_;
  ReplayFilter& replay_filter_;
  TimePoint now_;
  std::int64_t unix_seconds_;
  Shapes& shapes_;
  Random& random_;
  Work work_;
  bool tried_ticket_ = false;
  std::optional<SessionKeys> ticket_session_;
  std::optional<Mark> client_mark_;
  std::string client_hour_;
  Computed<Agreement> agreement_;
  std::optional<MessageEncoder> encoder_;
  std::optional<MessageDecoder> decoder_;
};

}  // namespace ptproxy::scramblesuit
