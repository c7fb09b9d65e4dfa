// Messages that a parent, or a person with a mail program, hands over; and the keys in them.
#include "fuzz/slices.h"
#include "parent/signal_lines.h"
#include "transports/ssh/messages.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ptproxy;
  const auto text = as_text({data, size});
  LineSplitter whole, single;
  const auto lines = whole.split(text);
  std::vector<std::string> again;
  for (char c : text)
    for (auto& line : single.split({&c, 1})) again.push_back(std::move(line));
  fuzz::require(again == lines, "lines depend on how they come");
  for (const auto& line : lines)
    if (auto signal = parse_signal_line(line, SignalDirection::to_server))
      fuzz::require(parse_signal_line(signal->to_string(), SignalDirection::to_server) == signal, "a message changes");
  if (auto key = ssh::parse_public_key(text))
    fuzz::require(key->to_string().find_first_of("\n\r\"\\,") == std::string::npos, "a key with more than a key in it");
  if (auto key = ssh::read_client_key(text))
    fuzz::require(*ssh::read_client_key(ssh::client_key_message(*key)) == *key, "a client's key changes");
  return 0;
}
