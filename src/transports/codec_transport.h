#pragma once
/// \file
/// The driver of every transport that is a handshake and then a codec: dial or accept, shake hands, wrap, and swallow
/// what a failed probe sends.

#include <ptproxy/codec.h>
#include <ptproxy/handshake.h>
#include <ptproxy/transport.h>

#include <memory>

namespace ptproxy {

/// A handshake that ends in a codec.
class TransportHandshake : public Handshake {
 public:
  /// Called once, after `done`.
  virtual std::unique_ptr<Codec> codec() = 0;
  /// How long this talk may take, where that is less than the transport's own limit.
  virtual Clock::Duration limit() const { return Clock::Duration::max(); }
};

/// For transports that begin without a talk.
class NoHandshake final : public TransportHandshake {
 public:
  explicit NoHandshake(std::unique_ptr<Codec> codec) : codec_(std::move(codec)) {}
  Result<Step> advance(ByteQueue&, ByteQueue&) override { return Step::done; }
  std::unique_ptr<Codec> codec() override { return std::move(codec_); }

 private:
  std::unique_ptr<Codec> codec_;
};

class CodecClient : public ClientTransport {
 public:
  /// Connecting and shaking hands, with all attempts, take `limit` at most.
  CodecClient(Services& services, Clock::Duration limit) : services_(services), limit_(limit) {}
  Awaitable<Result<StreamPtr>> connect(const Endpoint& bridge, const Args& args, Dialer& dialer) final;

 protected:
  Services& services_;

 private:
  /// Checks the arguments and makes the keys, before anything is dialled; the handshake's first work is done then too.
  /// `attempt` counts this call's connections to the bridge: 1, 2, ...
  virtual Result<std::unique_ptr<TransportHandshake>> new_handshake(const Endpoint& bridge, const Args& args,
                                                                    int attempt) = 0;
  /// Whether a new connection may succeed where the handshake of this one has failed.
  virtual bool worth_another_attempt(const TransportHandshake& /*failed*/, error_code /*why*/, int /*attempt*/) {
    return false;
  }

  Clock::Duration limit_;
};

class CodecServer : public ServerTransport {
 public:
  /// A client has `limit` from being accepted to the end of the handshake. One that fails is read from, unanswered,
  /// until `swallow_until` after it was accepted, so that a prober learns nothing from how it ends.
  CodecServer(Services& services, Clock::Duration limit, Clock::Duration swallow_until)
      : services_(services), limit_(limit), swallow_until_(swallow_until) {}
  Awaitable<> serve(Listener& listener, OnStream on_stream) final;

 protected:
  Services& services_;

 private:
  virtual std::unique_ptr<TransportHandshake> new_handshake() = 0;
  Awaitable<> greet(StreamPtr wire, OnStream on_stream);

  Clock::Duration limit_, swallow_until_;
  bool told_of_clock_ = false;
};

}  // namespace ptproxy
