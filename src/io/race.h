#pragma once
/// \file
/// Two things at once, of which the first to end is wanted.

#include <ptproxy/stream.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <variant>

namespace ptproxy {

/// Runs both until one ends, cancels the other and waits for that to end, too. An exception is an end like any other,
/// and is thrown on. (Asio's own || waits for a success instead: what threw would look as if it still ran.)
template <class A, class B>
Awaitable<std::variant<A, B>> race(Awaitable<A> a, Awaitable<B> b) {
  const auto executor = co_await asio::this_coro::executor;
  auto both = asio::experimental::make_parallel_group(asio::co_spawn(executor, std::move(a), asio::deferred),
                                                      asio::co_spawn(executor, std::move(b), asio::deferred));
  auto [order, a_thrown, a_result, b_thrown, b_result] = co_await both.async_wait(
      asio::experimental::wait_for_one(), asio::use_awaitable_t<typename Awaitable<A>::executor_type>());
  const bool a_first = order[0] == 0;
  if (const auto& thrown = a_first ? a_thrown : b_thrown) std::rethrow_exception(thrown);
  if (a_first) co_return std::variant<A, B>(std::in_place_index<0>, std::move(a_result));
  co_return std::variant<A, B>(std::in_place_index<1>, std::move(b_result));
}

}  // namespace ptproxy
