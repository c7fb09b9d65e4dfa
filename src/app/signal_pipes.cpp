#include "app/signal_pipes.h"

#include <ptproxy/log.h>

#include "io/spawn.h"

#include <algorithm>
#include <functional>

namespace ptproxy {
namespace {

constexpr std::string_view outbox = "outbox", inbox = "inbox";
constexpr std::chrono::seconds inbox_check{2};
constexpr std::size_t most_sent_remembered = 64;
constexpr std::uintmax_t longest_outbox = 1 << 20;

/// What an inbox has to tell since it was last read.
class Inbox {
 public:
  explicit Inbox(Storage folder) : folder_(std::move(folder)) {}
  /// Whole lines, and then what may be a last one whose newline nobody has written.
  std::vector<std::string> news() {
    std::error_code ec;
    const auto path = folder_.directory() / inbox;
    const auto changed = std::filesystem::last_write_time(path, ec);
    const auto size = ec ? 0 : std::filesystem::file_size(path, ec);
    if (ec || (changed == changed_ && size == size_)) return {};
    changed_ = changed;
    size_ = size;
    auto text = folder_.read(inbox);
    if (!text) log::warning("signals: {}", text.error().text());
    if (!text || !*text) return {};
    // Not what it grew from: another file has taken its place.
    if ((*text)->size() < taken_ || hash_of_taken(**text) != taken_hash_) taken_ = 0;
    const auto fresh = std::string_view(**text).substr(taken_);
    LineSplitter splitter;
    auto lines = splitter.split(fresh);
    const auto last = fresh.rfind('\n') + 1;  // npos + 1 is 0
    taken_ += last;
    taken_hash_ = hash_of_taken(**text);
    unfinished_ = fresh.substr(last);
    return lines;
  }
  const std::string& unfinished() const { return unfinished_; }

 private:
  std::size_t hash_of_taken(std::string_view text) const {
    return std::hash<std::string_view>()(text.substr(0, taken_));
  }

  Storage folder_;
  std::filesystem::file_time_type changed_{};
  std::uintmax_t size_ = 0;
  std::size_t taken_ = 0;
  std::size_t taken_hash_ = std::hash<std::string_view>()({});
  std::string unfinished_;
};

}  // namespace

Checked<> SignalPipe::send(std::string_view payload) {
  auto fit = check_payload(payload);
  if (!fit) return fit;
  const SignalLine line(outgoing_, transport_, std::string(payload));
  const auto now = clock_.now();
  std::erase_if(sent_, [now](const auto& earlier) { return earlier.second + signal_repeat_after <= now; });
  auto id = line.id();
  if (std::ranges::any_of(sent_, [&](const auto& earlier) { return earlier.first == id; })) return {};
  if (sent_.size() == most_sent_remembered) return Refusal("too many messages within a minute");
  sent_.emplace_back(std::move(id), now);
  say_(line);
  return {};
}

void SignalPipe::deliver(const SignalLine& line) {
  if (received_.seen(line.id(), clock_.now())) return;
  if (waiting_.size() == most_waiting) waiting_.pop_front();
  waiting_.push_back(line.payload());
  filled_.ring();
}

Awaitable<Result<std::string>> SignalPipe::receive() {
  while (waiting_.empty()) {
    auto rung = co_await filled_.wait();
    if (!rung) co_return rung.error();
  }
  std::string payload = std::move(waiting_.front());
  waiting_.pop_front();
  co_return Result<std::string>(boost::system::in_place_value, std::move(payload));
}

Signals& SignalPipes::open(std::string_view transport) {
  auto& pipe = pipes_[std::string(transport)];
  SignalPipe::Say say = say_;
  if (by_files()) say = [this](const SignalLine& line) { write_outbox(line); };
  pipe = std::make_unique<SignalPipe>(std::string(transport), outgoing_, executor_, clock_, std::move(say));
  if (by_files()) {
    log::notice(
        "{} exchanges messages with its other side: carry what is in {}/outbox in the state directory, and put what "
        "comes back into {}/inbox",
        transport, transport, transport);
    spawn(executor_, "inbox", watch_inbox(state_.folder(transport)));
  }
  return *pipe;
}

void SignalPipes::hear(std::string_view part) {
  for (const auto& line : stdin_lines_.split(part)) take(line);
}

void SignalPipes::take(std::string_view line) {
  if (line.find_first_not_of(" \r") == std::string_view::npos) return;
  auto signal = parse_signal_line(line, incoming());
  if (signal) {
    const auto pipe = pipes_.find(signal->transport());
    if (pipe != pipes_.end()) return pipe->second->deliver(*signal);
    log::warning("signals: a message for a transport that takes none is ignored");
  } else if (signal.error() == Errc::forbidden) {
    log::warning("signals: a message that goes the other way is ignored");
  } else if (signal.error() != Errc::unsupported) {
    log::warning("signals: a damaged message is ignored");
  } else if (!std::exchange(unknown_keyword_told_, true)) {
    log::warning("signals: lines that are no messages are ignored");
  }
}

void SignalPipes::write_outbox(const SignalLine& line) {
  const auto folder = state_.folder(line.transport());
  auto prepared = folder.prepare_private();
  std::error_code ec;
  if (prepared && std::filesystem::file_size(folder.directory() / outbox, ec) > longest_outbox && !ec)
    folder.remove(outbox);
  auto written = prepared ? folder.append(outbox, line.to_string() + '\n') : prepared;
  if (!written) log::warning("signals: {}", written.error().text());
}

Awaitable<> SignalPipes::watch_inbox(Storage folder) {
  Inbox box(std::move(folder));
  for (;;) {
    for (const auto& line : box.news()) take(line);
    // Not finished yet, or finished without a newline: only in the second case it is a message.
    if (parse_signal_line(box.unfinished(), incoming())) take(box.unfinished());
    auto slept = co_await clock_.sleep_until(clock_.now() + inbox_check);
    if (!slept) co_return;
  }
}

}  // namespace ptproxy
