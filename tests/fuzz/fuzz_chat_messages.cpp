// Bodies of agent messages: whatever parses is encoded, and that parses to the same again.
#include "plexus/chat/event.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace plexus;
    for (const auto& parsed : chat::parse_messages({data, size})) {
        if (!parsed) continue;
        if (const auto* message = std::get_if<chat::message>(&*parsed)) {
            chat::read_event(*message);
            const auto text = chat::encode(*message);
            const auto again = chat::parse_messages(as_bytes(text));
            if (again.size() != 1 || !again[0] || chat::encode(std::get<chat::message>(*again[0])) != text)
                std::abort();
        } else {
            const auto& chunk = std::get<chat::file_chunk>(*parsed);
            const auto again = chat::encode(chunk);
            if (!again || !(std::get<chat::file_chunk>(*chat::parse_messages(*again).at(0)) == chunk))
                std::abort();
        }
    }
    return 0;
}
