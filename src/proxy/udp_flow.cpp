#include "proxy/udp_flow.h"

#include "io/race.h"

#include <fmt/format.h>

namespace ptproxy {
namespace {

constexpr std::chrono::seconds last_write_limit{2};
constexpr std::string_view ended_in_peace = "the connection was closed";

}  // namespace

std::string UdpCounters::to_text() const {
  return fmt::format(
      "{} datagrams ({} bytes) into the transport, {} ({} bytes) out of it; dropped: {} while connecting, {} for want "
      "of room, "
      "{} that were not STUN, {} cut off, {} refused by the network",
      accepted, accepted_bytes, delivered, delivered_bytes, while_connecting, queue_full, not_stun, cut_off, refused);
}

UdpFlow::UdpFlow(ChunkPool& chunks, Clock& clock, Executor executor, const UdpRules& rules, StreamPtr transport,
                 DatagramSocket& socket, const DatagramPeer& to, UdpCounters& counters)
    : chunks_(chunks),
      clock_(clock),
      rules_(rules),
      transport_(std::move(transport)),
      socket_(socket),
      to_(to),
      counters_(counters),
      reader_(rules.framing),
      queue_(chunks),
      queued_(executor),
      sender_ended_(executor),
      last_packet_(clock.now()) {}

void UdpFlow::push(ByteView datagram) {
  last_packet_ = clock_.now();
  const auto frame = frame_datagram(rules_.framing, datagram);
  if (!frame) {
    ++counters_.not_stun;
    return;
  }
  if (!queue_.push(*frame)) {
    ++counters_.queue_full;
    return;
  }
  // Rung once for all that arrived together: the sender runs when they have all been queued.
  if (std::exchange(sender_waits_, false)) queued_.ring();
}

Awaitable<> UdpFlow::send_queued() {
  for (;;) {
    while (!queue_.empty()) {
      auto piece = queue_.pop();
      auto written = co_await transport_->write(std::move(piece.bytes));
      if (!written) {
        counters_.cut_off += piece.datagrams + queue_.clear();
        unwritable_ = true;
        transport_->close();
        break;
      }
      counters_.accepted += piece.datagrams;
      counters_.accepted_bytes += piece.datagram_bytes;
    }
    if (over_) break;
    sender_waits_ = true;
    auto rung = co_await queued_.wait();
    if (!rung) break;
  }
  sender_ended_.ring();
}

Awaitable<std::string_view> UdpFlow::receive_until_over() {
  auto first = co_await race(receive(), wait_until_idle());
  const auto why = first.index() == 0 ? std::get<0>(first) : std::get<1>(first);
  if (why != ended_in_peace) transport_->close();
  co_return unwritable_ ? "the transport takes no more" : why;
}

Awaitable<> UdpFlow::finish() {
  over_ = true;
  queued_.ring();
  (void)co_await within(clock_, last_write_limit, sender_ended_.wait());
  transport_->close();
}

Awaitable<std::string_view> UdpFlow::receive() {
  for (;;) {
    auto heard = co_await transport_->read();
    if (!heard) co_return heard.error() == asio::error::eof ? ended_in_peace : "the connection broke";
    auto delivered = co_await deliver(heard->bytes());
    if (!delivered) co_return "what came is not framed as this mode's datagrams are";
  }
}

Awaitable<std::string_view> UdpFlow::wait_until_idle() {
  for (;;) {
    const auto due = last_packet_ + rules_.idle_limit;
    if (clock_.now() >= due) co_return "idle";
    auto slept = co_await clock_.sleep_until(due);
    if (!slept) co_return "stopped";
  }
}

Awaitable<Result<>> UdpFlow::deliver(ByteView stream) {
  reader_.feed(stream);
  for (;;) {
    const auto gathered = gather();
    if (!batch_.empty()) {
      last_packet_ = clock_.now();
      const auto taken = co_await socket_.send(batch_, to_);
      counters_.delivered += taken.packets;
      counters_.delivered_bytes += taken.bytes;
      counters_.refused += batch_.size() - taken.packets;
    }
    if (!gathered) co_return gathered.error();
    if (batch_.size() < DatagramSocket::most_at_once) co_return Result<>();
  }
}

Result<> UdpFlow::gather() {
  batch_.clear();
  while (batch_.size() < DatagramSocket::most_at_once) {
    auto datagram = reader_.next();
    if (!datagram) return datagram.error();
    if (!*datagram) break;
    batch_.push_back(**datagram);
  }
  return {};
}

}  // namespace ptproxy
