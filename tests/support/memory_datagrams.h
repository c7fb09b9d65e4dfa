// A datagram socket in memory, and transports that are nothing but their stream.
#pragma once
#include <ptproxy/log.h>

#include "support/manual_loop.h"

#include <boost/asio/post.hpp>

namespace ptproxy::test {

/// A sender by number.
inline DatagramPeer sender(Byte number) {
  return DatagramPeer(ByteView(&number, 1));
}

class MemoryDatagrams final : public DatagramSocket {
 public:
  static constexpr std::size_t longest = 65507;  // as of UDP over IPv4
  /// What the network outside of the socket sees; outlives the socket.
  struct Outside {
    explicit Outside(Executor ex) : arrived(ex) {}
    void arrive(Bytes datagram, const DatagramPeer& from = {}) {
      waiting.emplace_back(std::move(datagram), from);
      arrived.ring();
    }
    void arrive(std::string_view text, const DatagramPeer& from = {}) {
      arrive(Bytes(as_bytes(text).begin(), as_bytes(text).end()), from);
    }
    /// What was sent to one peer, as texts.
    std::vector<std::string> texts(const DatagramPeer& to = {}) const {
      std::vector<std::string> found;
      for (const auto& [datagram, peer] : sent)
        if (peer == to) found.emplace_back(as_text(datagram));
      return found;
    }
    std::deque<std::pair<Bytes, DatagramPeer>> waiting;
    std::vector<std::pair<Bytes, DatagramPeer>> sent;
    std::vector<std::size_t> batches;
    bool closed = false;
    Bell arrived;
  };

  explicit MemoryDatagrams(Outside& outside) : outside_(outside) {}
  ~MemoryDatagrams() override { outside_.closed = true; }
  /// Lets others run before it tells of what has arrived, as a look into the kernel does; not so at the end, as in a
  /// drain.
  Awaitable<Result<>> wait() override {
    if (!outside_.closed) co_await asio::post(asio::use_awaitable_t<Executor>());
    while (outside_.waiting.empty()) {
      if (outside_.closed) co_return error_code(asio::error::operation_aborted);
      auto rung = co_await outside_.arrived.wait();
      if (!rung) co_return rung.error();
    }
    co_return Result<>();
  }
  std::span<const Datagram> receive() override {
    kept_.clear();
    received_.clear();
    while (!outside_.waiting.empty() && kept_.size() < most_at_once) {
      kept_.push_back(std::move(outside_.waiting.front()));
      outside_.waiting.pop_front();
    }
    for (const auto& [datagram, from] : kept_) received_.push_back({datagram, from});
    return received_;
  }
  Awaitable<Sent> send(std::span<const ByteView> packets, const DatagramPeer& to) override {
    Sent sent;
    outside_.batches.push_back(packets.size());
    for (auto packet : packets) {
      if (packet.size() > longest || outside_.closed) continue;
      outside_.sent.emplace_back(Bytes(packet.begin(), packet.end()), to);
      ++sent.packets;
      sent.bytes += packet.size();
    }
    co_return sent;
  }
  void close() override {
    outside_.closed = true;
    outside_.arrived.ring();
  }

 private:
  Outside& outside_;
  std::vector<std::pair<Bytes, DatagramPeer>> kept_;
  std::vector<Datagram> received_;
};

/// Connects without a word, after a while or not at all.
class PlainClient final : public ClientTransport {
 public:
  explicit PlainClient(Clock& clock) : clock_(clock) {}
  Awaitable<Result<StreamPtr>> connect(const Endpoint& bridge, const Args& args, Dialer& dialer) override {
    ++attempts;
    last_args = args;
    if (faults) throw std::runtime_error("a bug");
    if (takes.count() > 0) {
      auto slept = co_await clock_.sleep_until(clock_.now() + takes);
      if (!slept) {
        ++aborted;
        co_return slept.error();
      }
    }
    co_return co_await dialer.dial(bridge);
  }
  Clock::Duration takes{};
  bool faults = false;
  int attempts = 0, aborted = 0;
  Args last_args;

 private:
  Clock& clock_;
};

class PlainServer final : public ServerTransport {
 public:
  Awaitable<> serve(Listener& listener, OnStream on_stream) override {
    for (;;) {
      auto stream = co_await listener.accept();
      if (!stream) co_return;
      on_stream(std::move(*stream));
    }
  }
};

/// Keeps the log's lines while it lives.
class LogLines {
 public:
  LogLines() {
    log::set_sink([this](log::Level, std::string_view text) { lines.emplace_back(text); });
  }
  ~LogLines() {
    log::set_sink([](log::Level, std::string_view) {});
  }
  LogLines(const LogLines&) = delete;
  LogLines& operator=(const LogLines&) = delete;
  std::vector<std::string> lines;
};

}  // namespace ptproxy::test
