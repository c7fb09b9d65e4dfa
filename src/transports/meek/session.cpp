#include "transports/meek/session.h"

#include <algorithm>

namespace ptproxy::meek {

void Session::receive(ByteView bytes) {
  received_ += bytes.size();
  if (closed_) return;
  inbox_.append(bytes);
  arrived_.ring();
}

void Session::receive_end() {
  inbox_ended_ = true;
  arrived_.ring();
}

void Session::acknowledge(std::uint64_t position) {
  outbox_.drop_front(position - acknowledged_);
  acknowledged_ = position;
  left_.ring();
}

void Session::fail(error_code why) {
  if (!failure_) failure_ = why;
  outbox_.drop_front(outbox_.size());
  arrived_.ring();
  left_.ring();
  news_.ring();
}

Awaitable<Result<Chunk>> Session::read() {
  for (;;) {
    if (closed_) co_return error_code(asio::error::operation_aborted);
    if (!inbox_.empty()) {
      Chunk chunk = chunks_.borrow();
      inbox_.drop_front(chunk.append(inbox_.view().first(std::min(inbox_.size(), Chunk::read_limit))));
      news_.ring();
      co_return std::move(chunk);
    }
    if (inbox_ended_) co_return error_code(asio::error::eof);
    if (failure_) co_return failure_;
    auto rung = co_await arrived_.wait();
    if (!rung) co_return rung.error();
  }
}

Awaitable<Result<>> Session::write(Chunk bytes) {
  if (closed_ || outbox_ended_) co_return error_code(asio::error::broken_pipe);
  if (failure_) co_return failure_;
  outbox_.append(std::as_const(bytes).bytes());
  bytes = {};
  news_.ring();
  while (outbox_.size() > most_kept - Chunk::capacity && !closed_ && !failure_) {
    auto rung = co_await left_.wait();
    if (!rung) co_return rung.error();
  }
  if (failure_) co_return failure_;
  co_return Result<>();
}

void Session::shutdown_write() {
  outbox_ended_ = true;
  news_.ring();
}

void Session::close() {
  if (closed_) return;
  closed_ = true;
  inbox_.drop_front(inbox_.size());
  arrived_.ring();
  left_.ring();
  news_.ring();
  if (on_close_) on_close_();
}

}  // namespace ptproxy::meek
