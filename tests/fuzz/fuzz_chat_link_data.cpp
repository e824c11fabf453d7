// The user data of short links.
#include "plexus/chat/link_data.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace plexus::chat;
    if (const auto contact = parse_contact_link_data({data, size}))
        if (!parse_contact_link_data(encode(*contact))) std::abort();
    if (const auto group = parse_group_link_data({data, size}))
        if (!parse_group_link_data(encode(*group))) std::abort();
    return 0;
}
