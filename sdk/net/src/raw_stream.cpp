#include "plexus/net/raw_stream.hpp"

namespace plexus::net {

std::int32_t raw_stream::read(bytes_span out, std::size_t& taken) {
    const std::int32_t code = below()->read(out, taken);
    return code == PLEXUS_E_IO ? fail_below("reading") : code;
}

std::int32_t raw_stream::write(bytes_view in, std::size_t& given) {
    const std::int32_t code = below()->write(in, given);
    return code == PLEXUS_E_IO ? fail_below("writing") : code;
}

bool raw_stream::end() {
    below()->shutdown();
    return true;
}

std::int32_t raw_stream::release(std::int32_t& out) {
    const int socket = failed() ? -1 : below()->release();
    if (socket < 0) return PLEXUS_E_UNSUPPORTED;
    fail(make_error(status::closed, "the socket of " + peer() + " was handed over"));
    out = socket;
    return PLEXUS_OK;
}

} // namespace plexus::net
