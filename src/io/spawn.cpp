#include "io/spawn.h"

#include <ptproxy/log.h>

#include <boost/asio/co_spawn.hpp>

#include <exception>

namespace ptproxy {

void spawn(Executor executor, std::string_view name, Awaitable<> task, std::function<void()> at_end) {
  asio::co_spawn(executor, std::move(task), [name, at_end = std::move(at_end)](const std::exception_ptr& thrown) {
    if (at_end) at_end();
    if (!thrown) return;
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& bug) {
      log::error("{} ended by an internal fault: {}", name, bug.what());
    }
  });
}

}  // namespace ptproxy
