// Environment variables and flags: the input is lines of NAME=value and of flags.
#include "fuzz/slices.h"
#include "parent/config.h"
#include "parent/flags.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ptproxy;
  auto text = as_text({data, size});
  Environment environment{{"TOR_PT_SERVER_TRANSPORTS", "obfs4"}, {"TOR_PT_ORPORT", "127.0.0.1:1"}};
  std::vector<std::string> arguments;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.starts_with('-') || line.find('=') == std::string_view::npos)
      arguments.emplace_back(line);
    else
      environment[std::string(line.substr(0, line.find('=')))] = line.substr(line.find('=') + 1);
  }
  for (const auto* name : {"TOR_PT_SERVER_BINDADDR", "TOR_PT_SERVER_TRANSPORT_OPTIONS", "TOR_PT_EXTENDED_SERVER_PORT"})
    environment.emplace(name, as_text({data, size}));
  auto flags = parse_flags(arguments);
  const auto settings = read_environment(environment);
  (void)choose_version(settings, true);
  (void)make_config(settings, flags ? flags->settings : Settings(), Version{}, std::nullopt);
  return 0;
}
