#pragma once
/// \file
/// Who may still be waiting for a stranger, so that the program can end without cutting anybody off.

#include <boost/intrusive/list.hpp>

#include <cstddef>
#include <functional>

namespace ptproxy {

/// All open sockets of one event loop. After drain() nothing new begins, and connections go on until they end by
/// themselves or end_quiet() finds them quiet.
class LiveSockets {
 public:
  class Member : public boost::intrusive::list_base_hook<> {
   public:
    explicit Member(LiveSockets& all) : all_(all) { all_.members_.push_back(*this); }
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;
    virtual ~Member() {
      all_.members_.erase(all_.members_.iterator_to(*this));
      if (all_.members_.empty() && all_.on_empty_) all_.on_empty_();
    }
    /// Begin nothing new: a listener or an attempt to connect ends, a connection goes on.
    virtual void drain() = 0;
    /// Where nothing has moved since the last call, reading ends as if the peer had ended it.
    virtual void end_if_quiet() {}
    /// Ends at once.
    virtual void cut() = 0;

   private:
    LiveSockets& all_;
  };

  std::size_t count() const { return members_.size(); }
  bool draining() const { return draining_; }
  /// `on_empty` is called once nothing is left: maybe at once, maybe never.
  void drain(std::function<void()> on_empty);
  void end_quiet();
  /// Ends whatever is left.
  void cut();

 private:
  boost::intrusive::list<Member> members_;
  bool draining_ = false;
  std::function<void()> on_empty_;
};

}  // namespace ptproxy
