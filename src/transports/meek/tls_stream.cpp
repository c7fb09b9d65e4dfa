#include "transports/meek/tls_stream.h"

#include "io/codec_stream.h"
#include "io/run_handshake.h"

namespace ptproxy::meek {

Awaitable<Result<StreamPtr>> secure(Services& services, StreamPtr wire, TlsHandshake handshake) {
  auto early = co_await run_handshake(*wire, services.chunks, handshake);
  if (!early) co_return early.error();
  co_return std::make_unique<CodecStream>(std::move(wire), handshake.codec(), std::move(*early), services.chunks,
                                          services.clock);
}

}  // namespace ptproxy::meek
