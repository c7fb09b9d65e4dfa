#include "proxy/udp_forward.h"

#include <ptproxy/log.h>

#include "io/race.h"
#include "io/spawn.h"

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace ptproxy {
namespace {

constexpr std::chrono::seconds connect_limit{60};
constexpr std::chrono::seconds between_tellings{60};

}  // namespace

Awaitable<> UdpForward::serve(DatagramSocket& apps) {
  for (;;) {
    auto arrived = co_await apps.wait();
    if (!arrived) break;
    take(apps.receive(), apps);
  }
  while (alive_ > 0) {
    auto ended = co_await flow_ended_.wait();
    if (!ended) co_return;
  }
  tell_turned_away();
}

void UdpForward::take(std::span<const Datagram> arrived, DatagramSocket& apps) {
  Entry* entry = nullptr;  // datagrams of one sender mostly come together
  for (const auto& datagram : arrived) {
    if (!entry || entry->app != datagram.from) {
      const auto found = pool_.find(datagram.from);
      entry = found == pool_.end() ? nullptr : found->second;
    }
    if (!entry) {
      open(datagram, apps);
    } else if (!entry->flow) {
      hold(*entry, datagram.bytes);
      entry->last_packet = services_.clock.now();
    } else {
      entry->flow->push(datagram.bytes);
    }
  }
}

void UdpForward::hold(Entry& entry, ByteView datagram) {
  if (entry.held.size() < route_.most_held)
    entry.held.emplace_back(datagram.begin(), datagram.end());
  else
    ++entry.counters.while_connecting;
}

void UdpForward::open(const Datagram& first, DatagramSocket& apps) {
  const auto& app = first.from;
  const auto now = services_.clock.now();
  const bool room = pool_.size() < route_.rules.most_flows;
  if (!room || !backoff_.allows(app, now)) {
    ++(room ? resting_ : no_room_);
    if (now >= next_telling_) tell_turned_away();
    return;
  }
  const auto entry = std::make_shared<Entry>(app, now);
  hold(*entry, first.bytes);
  pool_.emplace(app, entry.get());
  ++alive_;
  spawn(services_.executor, "UDP flow", run(entry, apps), [this, entry] {
    leave_pool(*entry);
    --alive_;
    flow_ended_.ring();
  });
}

void UdpForward::leave_pool(const Entry& entry) {
  const auto row = pool_.find(entry.app);
  if (row != pool_.end() && row->second == &entry) pool_.erase(row);
}

Awaitable<> UdpForward::run(std::shared_ptr<Entry> entry, DatagramSocket& apps) {
  using namespace asio::experimental::awaitable_operators;
  auto connecting = within(services_.clock, connect_limit, client_.connect(route_.target, route_.options, dialer_));
  auto first = co_await race(std::move(connecting), give_up_when_idle(*entry));
  auto stream = first.index() == 0 ? std::move(std::get<0>(first)) : std::move(std::get<1>(first));
  if (stream) {
    backoff_.succeeded(entry->app);
    entry->flow.emplace(services_.chunks, services_.clock, services_.executor, route_.rules, std::move(*stream), apps,
                        entry->app, entry->counters);
    for (const auto& datagram : std::exchange(entry->held, {})) entry->flow->push(datagram);
    co_await (hear(*entry) && entry->flow->send_queued());
  } else {
    backoff_.failed(entry->app, services_.clock.now());
    log::notice("{}: no connection to {} for a UDP flow: {}; {} datagrams dropped", transport_,
                log::scrubbed(route_.target), stream.error().message(),
                entry->counters.while_connecting + entry->held.size());
  }
}

Awaitable<Result<StreamPtr>> UdpForward::give_up_when_idle(const Entry& entry) {
  while (services_.clock.now() < entry.last_packet + route_.rules.idle_limit) {
    auto slept = co_await services_.clock.sleep_until(entry.last_packet + route_.rules.idle_limit);
    if (!slept) co_return slept.error();
  }
  co_return error_code(asio::error::timed_out);
}

Awaitable<> UdpForward::hear(Entry& entry) {
  const auto why = co_await entry.flow->receive_until_over();
  leave_pool(entry);
  co_await entry.flow->finish();
  log::notice("{}: a UDP flow is over ({}): {}", transport_, why, entry.counters.to_text());
}

void UdpForward::tell_turned_away() {
  next_telling_ = services_.clock.now() + between_tellings;
  if (no_room_ + resting_ > 0)
    log::warning(
        "{}: datagrams of new senders dropped so far: {} as all {} flows were taken, {} soon after a failed connection",
        transport_, no_room_, route_.rules.most_flows, resting_);
}

}  // namespace ptproxy
