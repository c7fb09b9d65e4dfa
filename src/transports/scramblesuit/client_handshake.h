#pragma once
/// \file
/// A ScrambleSuit client's two ways in: with a ticket from an earlier connection, or with the bridge's password.

#include "crypto/uniform_dh.h"
#include "transports/codec_transport.h"
#include "transports/marked_hello.h"
#include "transports/scramblesuit/codec.h"
#include "transports/scramblesuit/password.h"

namespace ptproxy::scramblesuit {

inline constexpr std::size_t largest_hello = 1532;

/// What a client's codec is made of besides its keys. What is referred to outlives the codec.
class ClientSession {
 public:
  ClientSession(Shapes& all_shapes, bool with_inter_arrival, Random& random_source,
                ScrambleSuitCodec::OnTicket ticket_sink)
      : shapes(all_shapes),
        inter_arrival(with_inter_arrival),
        random(random_source),
        on_ticket(std::move(ticket_sink)) {}
  std::unique_ptr<Codec> codec(const SessionKeys& keys) const;
  Shapes& shapes;
  bool inter_arrival;
  Random& random;
  ScrambleSuitCodec::OnTicket on_ticket;
};

/// Public key | padding | mark | MAC, each way.
class UniformDhClient final : public TransportHandshake {
 public:
  static constexpr std::size_t largest_padding = largest_hello - UniformDh::key_size - mark_size - mac_size;
  /// `unix_seconds` is the time of the hello.
  UniformDhClient(const Password& password, const Secret<UniformDh::key_size>& private_key, std::int64_t unix_seconds,
                  ClientSession session);
  /// Errc::skewed_clock when the server knows the password but means another hour, handshake_failed for everything
  /// else.
  Result<Step> advance(ByteQueue& in, ByteQueue& out) override;
  Work take_work() override { return std::exchange(work_, nullptr); }
  std::unique_ptr<Codec> codec() override { return session_.codec(SessionKeys(*master_key_)); }

 private:
  Result<Step> read_hello(ByteView heard);

  Password password_;
  std::string epoch_hour_;
  ClientSession session_;
  Work work_;
  bool said_hello_ = false;
  Computed<UniformDh> pair_;
  std::optional<Mark> server_mark_;
  std::size_t hello_size_ = 0;
  Computed<MasterKey> master_key_;
};

/// Ticket | padding | mark | MAC, to which the server says nothing of its own, but sends messages at once. Done when
/// the first of them proves that the server could open the ticket; one that cannot stays silent.
class TicketClient final : public TransportHandshake {
 public:
  static constexpr std::size_t largest_padding = largest_hello - ticket_size - mark_size - mac_size;
  TicketClient(const Ticket& ticket, std::int64_t unix_seconds, ClientSession session);
  /// Errc::handshake_failed when the server says something else than a message.
  Result<Step> advance(ByteQueue& in, ByteQueue& out) override;
  std::unique_ptr<Codec> codec() override { return session_.codec(keys_); }
  Clock::Duration limit() const override { return std::chrono::seconds(10); }

 private:
  SealedTicket ticket_;
  SessionKeys keys_;
  std::string epoch_hour_;
  ClientSession session_;
  bool said_hello_ = false;
};

/// The master key of a UniformDH handshake.
MasterKey master_key_of(const UniformDh& pair, std::span<const Byte, UniformDh::key_size> peer);

}  // namespace ptproxy::scramblesuit
