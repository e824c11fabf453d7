// Links and queue addresses in text and binary: what parses must encode to something that parses to the same.
#include "plexus/agent/link.hpp"

#include <cstdlib>

namespace {

using namespace plexus;

template <typename T, typename Read>
void check_binary(bytes_view data, Read read) {
    encoding::reader in(data);
    const T value = read(in);
    if (!in.done()) return;
    bytes again;
    encoding::writer out(again);
    write(out, value);
    encoding::reader second(again);
    if (!(read(second) == value) || !second.done()) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const bytes_view input(data, size);
    if (const auto link = agent::parse_link(as_text(input))) {
        const auto again = agent::parse_link(agent::to_text(*link));
        if (!again || !(*again == *link)) std::abort();
    }
    if (const auto queue = agent::parse_queue_uri(as_text(input)))
        if (!agent::parse_queue_uri(agent::to_text(*queue))) std::abort();
    check_binary<agent::short_link>(input, agent::read_short_link);
    encoding::reader request(input);
    agent::read_connection_request(request);
    encoding::reader info(input);
    agent::read_queue_info(info);
    return 0;
}
